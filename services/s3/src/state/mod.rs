//! Stored records of S3 and the pure rules on them.

pub mod access_point;
pub mod account;
pub mod acl;
pub mod bucket;
pub mod cors;
pub mod directory;
pub mod inventory;
pub mod lifecycle;
pub mod lock;
pub mod logging;
pub mod notification;
mod packed;
pub mod replication;
pub mod restore;
pub mod upload;
pub mod version;
pub mod website;

pub use access_point::AccessPoint;
pub use account::Account;
pub use acl::{Acl, Grant, Grantee, Permission};
pub use bucket::{Bucket, BucketPolicy, Encryption, Ownership, PublicAccess, Versioning};
pub use cors::CorsRule;
pub use directory::{Directory, Renamed};
pub use lifecycle::Lifecycle;
pub use lock::{BucketLock, Bypass, DefaultRetention, Lock, Mode, Period, Retention};
pub use logging::Logging;
pub use notification::{QueueConfiguration, Tiding};
pub use replication::Replication;
pub use upload::{Part, Upload, part_key};
pub use version::{Checksum, Content, Headers, PartInfo, Piece, Place, Seal, Version, scope};
pub use website::{RoutingRule, Website};
