//! The credential report: one CSV line for each user, made in the background and kept for four hours.
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_getting-report.html>

use crate::directory::Directory;
use crate::last_use::LastUses;
use crate::state::last_use::KeyUse;
use crate::state::{
    AccessKey, CredentialReport, LoginProfile, MfaLink, PasswordPolicy, ROOT, ReportTask, RootUser,
    SigningCertificate, User, home, shared,
};
use std::sync::Arc;
use yakumo_api_iam::{
    GenerateCredentialReportInput, GenerateCredentialReportOutput, GetCredentialReportInput,
    GetCredentialReportOutput, report_state_type,
};
use yakumo_aws::{AccountId, Error, Result, Timestamp};
use yakumo_room::store::{Range, Transaction};
use yakumo_room::{Base, Ctx, Record, Resource, Scope, World};

/// The reconciler that writes reports.
pub(crate) const RECONCILER: &str = "iam.credential-reports";
/// How long a report is given out before another one is made.
const KEPT_MS: i64 = 4 * 3_600_000;
const DAY_MS: i64 = 86_400_000;
/// How many records are read at once.
const BATCH: usize = 200;
/// AWS: the guide also lists `additional_credentials_info`, for more keys than the quotas let a user have; real reports
/// of users within the quotas have no such column.
const HEADER: &str = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,\
    password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,\
    access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,\
    access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,\
    cert_1_last_rotated,cert_2_active,cert_2_last_rotated";
const NONE: &str = "N/A";
const UNSUPPORTED: &str = "not_supported";
const UNKNOWN: &str = "no_information";

fn not_present() -> Error {
    let text = "No credential report exists. Generate a credential report first.";
    Error::sender("CredentialReportNotPresentException", text).with_status(410)
}

fn expired() -> Error {
    let text = "The credential report has expired. Generate a new credential report.";
    Error::sender("CredentialReportExpiredException", text).with_status(410)
}

fn in_progress() -> Error {
    let text = "The credential report is still being generated.";
    Error::sender("CredentialReportNotReadyException", text).with_status(404)
}

fn is_fresh(report: &CredentialReport, now: Timestamp) -> bool {
    now < report.generated.plus_millis(KEPT_MS)
}

pub(crate) async fn generate_credential_report(
    ctx: Ctx,
    _input: GenerateCredentialReportInput,
) -> Result<GenerateCredentialReportOutput> {
    let account = ctx.account();
    let now = ctx.now();
    let (state, description) = ctx
        .transact(|tx| async move {
            let report = tx.get::<CredentialReport>(&home(account), &[]).await?;
            if report.is_some_and(|report| is_fresh(&report, now)) {
                return Ok((report_state_type::COMPLETE, None));
            }
            if tx.get::<ReportTask>(&shared(), &[account.as_str()]).await?.is_some() {
                return Ok((report_state_type::INPROGRESS, None));
            }
            tx.put(&shared(), &[account.as_str()], &ReportTask { account });
            let description = "No report exists. Starting a new report generation task";
            Ok((report_state_type::STARTED, Some(description.to_owned())))
        })
        .await?;
    ctx.base().nudge(RECONCILER);
    Ok(GenerateCredentialReportOutput { state: Some(state.to_owned()), description })
}

pub(crate) async fn get_credential_report(
    ctx: Ctx,
    _input: GetCredentialReportInput,
) -> Result<GetCredentialReportOutput> {
    if ctx.get::<ReportTask>(&shared(), &[ctx.account().as_str()]).await?.is_some() {
        return Err(in_progress());
    }
    let report = ctx.get::<CredentialReport>(&home(ctx.account()), &[]).await?.ok_or_else(not_present)?;
    if !is_fresh(&report, ctx.now()) {
        return Err(expired());
    }
    Ok(GetCredentialReportOutput {
        content: Some(report.csv.into_bytes().into()),
        report_format: Some("text/csv".into()),
        generated_time: Some(report.generated),
    })
}

/// Writes every report that is wanted; the directory knows what keys were used for.
pub(crate) async fn write(world: Arc<World>, directory: Arc<Directory>) -> Result<()> {
    let base = &world.base;
    for task in read_all::<ReportTask>(base, &shared(), &[]).await? {
        let account = task.account;
        let csv = Writer { base, last_uses: &directory.last_uses, account }.csv().await?;
        let report = CredentialReport { generated: base.clock.now(), csv }.to_bytes();
        let put = |tx: Transaction| {
            tx.put(home(account).record_key(CredentialReport::TABLE, &[]), report.clone());
            tx.delete(shared().record_key(ReportTask::TABLE, &[account.as_str()]));
            std::future::ready(Ok::<(), Error>(()))
        };
        base.store.transact(put).await?;
    }
    Ok(())
}

async fn read<R: Record>(base: &Base, scope: &Scope, id: &[&str]) -> Result<Option<R>> {
    let bytes = base.store.get(&scope.record_key(R::TABLE, id)).await?;
    bytes.map(|bytes| R::from_bytes(&bytes).map_err(Error::internal)).transpose()
}

async fn read_all<R: Record>(base: &Base, scope: &Scope, prefix: &[&str]) -> Result<Vec<R>> {
    let mut rows = Range::prefix(scope.record_key(R::TABLE, prefix));
    let mut all = Vec::new();
    loop {
        let batch = base.store.scan(rows.clone(), BATCH).await?;
        for (_, bytes) in &batch {
            all.push(R::from_bytes(bytes).map_err(Error::internal)?);
        }
        let Some((last, _)) = batch.last().filter(|_| batch.len() == BATCH) else { return Ok(all) };
        rows = rows.after(last.clone());
    }
}

/// Makes one account's report.
struct Writer<'a> {
    base: &'a Base,
    last_uses: &'a LastUses,
    account: AccountId,
}

impl Writer<'_> {
    /// Lines end with a line feed, but for the last; users come in the order of their names without regard to case.
    async fn csv(&self) -> Result<String> {
        let base = self.base;
        let policy = read::<PasswordPolicy>(base, &home(self.account), &[]).await?;
        let mut lines = vec![HEADER.to_owned(), self.root().await?.join(",")];
        for user in read_all::<User>(base, &home(self.account), &[]).await? {
            lines.push(self.user(&user, policy.as_ref()).await?.join(","));
        }
        Ok(lines.join("\n"))
    }

    async fn root(&self) -> Result<Vec<String>> {
        let root = read::<RootUser>(self.base, &home(self.account), &[]).await?.unwrap_or_default();
        // DIFFERS: an account here has no day on which it was made; the oldest that the clock knows stands for it.
        let begin = Timestamp::default().to_date_time();
        let mut line =
            vec!["<root_account>".to_owned(), format!("arn:aws:iam::{}:root", self.account), begin];
        line.extend([UNSUPPORTED, UNKNOWN, UNSUPPORTED, UNSUPPORTED].map(str::to_owned));
        line.extend(self.held(ROOT, &root.access_keys).await?);
        Ok(line)
    }

    async fn user(&self, user: &User, policy: Option<&PasswordPolicy>) -> Result<Vec<String>> {
        let mut line = vec![user.name.clone(), user.arn(), user.created.to_date_time()];
        let profile = read::<LoginProfile>(self.base, &home(self.account), &[&user.unique_id]).await?;
        line.extend(password(profile.as_ref(), policy));
        line.extend(self.held(&user.unique_id, &user.access_keys).await?);
        Ok(line)
    }

    /// `mfa_active`, then two access keys, then two certificates.
    async fn held(&self, holder: &str, keys: &[String]) -> Result<Vec<String>> {
        let (base, scope) = (self.base, home(self.account));
        let mut cells = vec![(!read_all::<MfaLink>(base, &scope, &[holder]).await?.is_empty()).to_string()];
        for slot in 0..2 {
            let key = match keys.get(slot) {
                Some(id) => read::<AccessKey>(base, &shared(), &[id]).await?,
                None => None,
            };
            let used = match &key {
                Some(key) => self.last_uses.of_key(base, &key.id).await?,
                None => None,
            };
            cells.extend(key_cells(key.as_ref(), used));
        }
        let mut certificates = read_all::<SigningCertificate>(base, &scope, &[holder]).await?;
        certificates.sort_by_key(|certificate| certificate.uploaded);
        for slot in 0..2 {
            let certificate = certificates.get(slot);
            let active = certificate.is_some_and(|certificate| certificate.active);
            let rotated = certificate.map(|certificate| certificate.uploaded);
            cells.extend([active.to_string(), date(rotated)]);
        }
        Ok(cells)
    }
}

fn date(at: Option<Timestamp>) -> String {
    at.map_or_else(|| NONE.to_owned(), Timestamp::to_date_time)
}

/// `password_enabled`, `…_last_used`, `…_last_changed`, `…_next_rotation`. Nobody can sign in here, so a password was
/// never used.
fn password(profile: Option<&LoginProfile>, policy: Option<&PasswordPolicy>) -> [String; 4] {
    let Some(profile) = profile else { return ["false", NONE, NONE, NONE].map(str::to_owned) };
    let age_ms = policy.and_then(|policy| policy.max_age_days).map(|days| i64::from(days) * DAY_MS);
    let rotation = age_ms.map(|age| profile.changed.plus_millis(age));
    ["true".to_owned(), UNKNOWN.to_owned(), profile.changed.to_date_time(), date(rotation)]
}

/// `…_active`, `…_last_rotated`, `…_last_used_date`, `…_region`, `…_service`.
fn key_cells(key: Option<&AccessKey>, used: Option<KeyUse>) -> [String; 5] {
    let none = || NONE.to_owned();
    [
        key.is_some_and(|key| key.active).to_string(),
        date(key.map(|key| key.created)),
        date(used.as_ref().map(|used| used.last.at)),
        used.as_ref().map_or_else(none, |used| used.last.region.clone()),
        used.map_or_else(none, |used| used.service),
    ]
}
