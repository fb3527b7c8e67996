//! The IAM policy language and its evaluation. Pure functions: no IO, no clock, no randomness.
//!
//! A policy is compiled once ([`Document::parse`]); a request is judged by [`evaluate`], which allocates nothing when
//! it allows; [`explain`] walks the same policies again and says why, statement by statement.

mod arn_pattern;
mod condition;
mod context;
mod date;
mod decision;
mod document;
mod evaluate;
mod explain;
mod grammar;
mod grantee;
mod grants;
mod json;
mod network;
mod operator;
mod pattern;
mod principal;
mod remedy;
mod standing;
mod statement;
mod subject;

pub use context::{Context, Values};
pub use decision::{Decision, MatchedStatement, PolicyType, Verdict};
pub use document::{Attached, Document, Effect, PolicyKind};
pub use evaluate::{Policies, Request, evaluate};
pub use explain::{Explanation, Miss, Reason, explain};
pub use grammar::Malformed;
pub use grants::{Grant, GrantConstraint, Grants};
pub use pattern::{Case, matches};
pub use principal::{Principal, PrincipalKind};
pub use remedy::{Change, MetCondition, Remedy, Step};
pub use standing::Standing;
