//! The tables, made on first use, and the choice of a cloud among those in the database.

use tokio_postgres::error::SqlState;

use super::session::Session;
use crate::{CloudId, StoreError};

/// The newest schema that this code knows, and the one that it makes.
const FORMAT_VERSION: i32 = 1;

const SCHEMA: &str = r#"
BEGIN;
CREATE TABLE yakumo_format (version integer NOT NULL);
CREATE TABLE yakumo_clouds (
    cloud text COLLATE "C" PRIMARY KEY,
    owner bytea,
    beat timestamptz,
    last_group bigint NOT NULL DEFAULT 0
);
CREATE TABLE yakumo_records (
    cloud text COLLATE "C" NOT NULL,
    key bytea NOT NULL,
    value bytea NOT NULL,
    PRIMARY KEY (cloud, key)
);
INSERT INTO yakumo_format VALUES (1);
COMMIT;
"#;

/// Makes the tables if there are none; refuses those of a newer yakumo.
pub(super) async fn prepare(session: &Session, place: &str) -> Result<(), StoreError> {
    let failed = |error| StoreError::engine("preparing the schema", error);
    for _ in 0..10 {
        match session.client().query_one("SELECT max(version) FROM yakumo_format", &[]).await {
            Ok(row) => {
                let version: i32 = row.try_get(0).map_err(failed)?;
                if version > FORMAT_VERSION {
                    let (found, supported) = (version.unsigned_abs(), FORMAT_VERSION.unsigned_abs());
                    return Err(StoreError::NewerFormat { what: place.to_string(), found, supported });
                }
                return Ok(());
            }
            Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => {}
            Err(error) => return Err(failed(error)),
        }
        if let Err(error) = session.client().batch_execute(SCHEMA).await {
            // Two processes may make them at once; the loser looks again.
            session.client().batch_execute("ROLLBACK").await.map_err(failed)?;
            let lost =
                [SqlState::UNIQUE_VIOLATION, SqlState::DUPLICATE_TABLE, SqlState::T_R_SERIALIZATION_FAILURE];
            if !error.code().is_some_and(|code| lost.contains(code)) {
                return Err(failed(error));
            }
        }
    }
    Err(StoreError::Contention { attempts: 10 })
}

/// The cloud that was asked for, made if need be; without a wish the only one, or a new one.
pub(super) async fn choose_cloud(
    session: &Session,
    place: &str,
    wanted: Option<CloudId>,
) -> Result<CloudId, StoreError> {
    let failed = |error| StoreError::engine("choosing a cloud", error);
    let cloud = match wanted {
        Some(cloud) => cloud,
        None => {
            let rows = session.client().query("SELECT cloud FROM yakumo_clouds LIMIT 2", &[]).await;
            match rows.map_err(failed)?.as_slice() {
                [] => CloudId::random()?,
                [row] => {
                    let text: String = row.try_get(0).map_err(failed)?;
                    CloudId::parse(&text)
                        .ok_or_else(|| StoreError::corrupt(format!("a cloud named {text}")))?
                }
                _ => {
                    let what = format!("{place} holds several clouds: name one");
                    return Err(StoreError::io(what, std::io::ErrorKind::InvalidInput.into()));
                }
            }
        }
    };
    let insert = "INSERT INTO yakumo_clouds (cloud) VALUES ($1) ON CONFLICT DO NOTHING";
    session.client().execute(insert, &[&cloud.as_str()]).await.map_err(failed)?;
    Ok(cloud)
}
