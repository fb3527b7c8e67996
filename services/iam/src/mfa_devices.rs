//! MFA devices of users and of the root user: enabled with two real codes, synchronised, asked for a code by STS.
//!
//! Invariant: no code counts twice. The step of the last accepted code is kept, and read and written in one transaction.

use crate::error;
use crate::holders::Holder;
use crate::paging::Asked;
use crate::state::{Enabled, MfaDevice, MfaLink, MfaSeed, ROOT, User, fold, home};
use crate::{tags, totp};
use yakumo_api_iam::{
    DeactivateMFADeviceInput, DeactivateMFADeviceOutput, EnableMFADeviceInput, EnableMFADeviceOutput,
    GetMFADeviceInput, GetMFADeviceOutput, ListMFADeviceTagsInput, ListMFADeviceTagsOutput,
    ListMFADevicesInput, ListMFADevicesOutput, MFADevice as Shown, ResyncMFADeviceInput,
    ResyncMFADeviceOutput, TagMFADeviceInput, TagMFADeviceOutput, UntagMFADeviceInput, UntagMFADeviceOutput,
};
use yakumo_aws::{AccountId, Error, Result};
use yakumo_policy::PrincipalKind;
use yakumo_room::{Ctx, Resource, Tx, host_now};

/// AWS: a quota that cannot be raised.
const DEVICES_MAX: usize = 8;
/// How many wrong codes of a device are taken in one step of 30 seconds.
const WRONG_CODES_MAX: u32 = 10;

/// Where keys hold a device of this path and name.
pub(crate) fn place(path: &str, name: &str) -> String {
    format!("{path}{}", fold(name))
}

/// The account and the place in a virtual device's serial number, which is its ARN.
pub(crate) fn place_of(serial: &str) -> Option<(AccountId, String)> {
    let rest = serial.strip_prefix("arn:aws:iam::")?;
    let (account, path) = rest.split_once(":mfa/")?;
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let path = if folder.is_empty() { "/".to_owned() } else { format!("/{folder}/") };
    Some((AccountId::parse(account)?, place(&path, name)))
}

fn not_found(serial: &str) -> Error {
    error::no_such_entity(format!("VirtualMFADevice with serial number {serial} doesn't exist."))
}

fn not_held(serial: &str) -> Error {
    error::no_such_entity(format!("MFA Device with serial number {serial} cannot be found."))
}

fn invalid_code() -> Error {
    let text = "Authentication code for device is not valid.";
    Error::sender("InvalidAuthenticationCodeException", text).with_status(403)
}

/// The device of that serial number within a transaction.
pub(crate) async fn find(tx: &Tx, account: AccountId, serial: &str) -> Result<MfaDevice> {
    let place = place_of(serial).filter(|(owner, _)| *owner == account);
    let device = match &place {
        Some((_, place)) => tx.get::<MfaDevice>(&home(account), &[place]).await?,
        None => None,
    };
    device.ok_or_else(|| not_found(serial))
}

async fn seed_of(tx: &Tx, device: &MfaDevice) -> Result<MfaSeed> {
    let seed = tx.get::<MfaSeed>(&home(device.account), &[&device.place]).await?;
    seed.ok_or_else(|| Error::internal("an MFA device has no seed"))
}

/// A seed's bytes: RFC 4648 base 32 without padding.
fn bytes_of(base32: &str) -> Vec<u8> {
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0u32, 0);
    for letter in base32.bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'2'..=b'7' => letter - b'2' + 26,
            _ => continue,
        };
        bits = bits << 5 | u32::from(value);
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).unwrap_or_default());
        }
    }
    bytes
}

/// Takes two consecutive codes: they tell the drift of the authenticator's clock, and count no more.
fn synchronise(seed: &mut MfaSeed, first: &str, second: &str) -> Result<()> {
    let (Some(first), Some(second)) = (totp::parse(first), totp::parse(second)) else {
        return Err(invalid_code());
    };
    let (bytes, now) = (bytes_of(&seed.base32), totp::step_at(host_now()));
    let step = totp::find_pair(&bytes, [first, second], now, seed.last_step).ok_or_else(invalid_code)?;
    accept(seed, step, now);
    Ok(())
}

fn accept(seed: &mut MfaSeed, step: u64, now: u64) {
    seed.last_step = Some(step);
    seed.drift_steps = i64::try_from(step).unwrap_or_default() - i64::try_from(now).unwrap_or_default();
}

pub(crate) async fn enable_mfa_device(
    ctx: Ctx,
    input: EnableMFADeviceInput,
) -> Result<EnableMFADeviceOutput> {
    ctx.transact(|tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let scope = home(ctx.account());
            let holder = Holder::named(&tx, ctx, &input.user_name).await?;
            let before = find(&tx, ctx.account(), &input.serial_number).await?;
            if before.enabled.is_some() {
                return Err(error::already_exists("MFA Device is already in use."));
            }
            if tx.list::<MfaLink>(&scope, &[holder.key()], None, DEVICES_MAX).await?.len() >= DEVICES_MAX {
                return Err(error::quota("MFADevicesPerUser", DEVICES_MAX));
            }
            let mut seed = seed_of(&tx, &before).await?;
            synchronise(&mut seed, &input.authentication_code1, &input.authentication_code2)?;
            let user = holder.user.as_ref().map(|user| user.folded.clone());
            let enabled = Enabled { holder: holder.key().to_owned(), user, at: ctx.now() };
            let device = MfaDevice { enabled: Some(enabled), ..before.clone() };
            let link = MfaLink { holder: holder.key().to_owned(), place: device.place.clone() };
            tx.put(&scope, &[&link.holder, &link.place], &link);
            tx.put(&scope, &[&device.place], &seed);
            tx.put_resource(&scope, Some(&before), &device);
            Ok(())
        }
    })
    .await?;
    Ok(EnableMFADeviceOutput {})
}

/// The device of that serial number, when this holder has it.
async fn held(tx: &Tx, ctx: &Ctx, holder: &Holder, serial: &str) -> Result<MfaDevice> {
    let device = find(tx, ctx.account(), serial).await.map_err(|_| not_held(serial))?;
    match &device.enabled {
        Some(enabled) if enabled.holder == holder.key() => Ok(device),
        _ => Err(not_held(serial)),
    }
}

pub(crate) async fn resync_mfa_device(
    ctx: Ctx,
    input: ResyncMFADeviceInput,
) -> Result<ResyncMFADeviceOutput> {
    ctx.transact(|tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let holder = Holder::named(&tx, ctx, &input.user_name).await?;
            let device = held(&tx, ctx, &holder, &input.serial_number).await?;
            let mut seed = seed_of(&tx, &device).await?;
            synchronise(&mut seed, &input.authentication_code1, &input.authentication_code2)?;
            tx.put(&home(ctx.account()), &[&device.place], &seed);
            Ok(())
        }
    })
    .await?;
    Ok(ResyncMFADeviceOutput {})
}

pub(crate) async fn deactivate_mfa_device(
    ctx: Ctx,
    input: DeactivateMFADeviceInput,
) -> Result<DeactivateMFADeviceOutput> {
    ctx.transact(|tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let holder = match &input.user_name {
                Some(name) => Holder::named(&tx, ctx, name).await?,
                None => Holder::find(&tx, ctx, None).await?,
            };
            let before = held(&tx, ctx, &holder, &input.serial_number).await?;
            let scope = home(ctx.account());
            tx.delete::<MfaLink>(&scope, &[holder.key(), &before.place]);
            tx.put_resource(&scope, Some(&before), &MfaDevice { enabled: None, ..before.clone() });
            Ok(())
        }
    })
    .await?;
    Ok(DeactivateMFADeviceOutput {})
}

/// The devices of a holder.
pub(crate) async fn devices_of(tx: &Tx, account: AccountId, holder: &str) -> Result<Vec<MfaDevice>> {
    let scope = home(account);
    let mut devices = Vec::new();
    for link in tx.list::<MfaLink>(&scope, &[holder], None, DEVICES_MAX).await? {
        devices.extend(tx.get::<MfaDevice>(&scope, &[&link.place]).await?);
    }
    Ok(devices)
}

pub(crate) async fn list_mfa_devices(ctx: Ctx, input: ListMFADevicesInput) -> Result<ListMFADevicesOutput> {
    let all = ctx
        .transact(|tx| {
            let (ctx, input) = (&ctx, &input);
            async move {
                let holder = match &input.user_name {
                    Some(name) => Holder::named(&tx, ctx, name).await?,
                    None => Holder::find(&tx, ctx, None).await?,
                };
                let devices = devices_of(&tx, ctx.account(), holder.key()).await?;
                let show = |device: &MfaDevice| Shown {
                    user_name: holder.name().to_owned(),
                    serial_number: device.arn(),
                    enable_date: device.enabled.as_ref().map(|enabled| enabled.at).unwrap_or_default(),
                };
                let mut all: Vec<Shown> = devices.iter().map(show).collect();
                all.sort_by(|one, other| one.serial_number.cmp(&other.serial_number));
                Ok(all)
            }
        })
        .await?;
    let page = Asked::new(&input.marker, input.max_items).slice(all, |device| &device.serial_number)?;
    let is_truncated = page.is_truncated();
    Ok(ListMFADevicesOutput { mfa_devices: page.items, is_truncated, marker: page.marker })
}

pub(crate) async fn get_mfa_device(ctx: Ctx, input: GetMFADeviceInput) -> Result<GetMFADeviceOutput> {
    ctx.transact(|tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let holder = match &input.user_name {
                Some(name) => Holder::named(&tx, ctx, name).await?,
                None => Holder::find(&tx, ctx, None).await?,
            };
            let device = held(&tx, ctx, &holder, &input.serial_number).await?;
            Ok(GetMFADeviceOutput {
                user_name: holder.user.as_ref().map(|user| user.name.clone()),
                serial_number: device.arn(),
                enable_date: device.enabled.map(|enabled| enabled.at),
                certifications: None,
            })
        }
    })
    .await
}

/// Reads a device, lets `edit` change its tags, and writes it back.
async fn edit(ctx: &Ctx, serial: &str, edit: impl Fn(&mut MfaDevice) -> Result<()>) -> Result<()> {
    ctx.transact(|tx| {
        let edit = &edit;
        async move {
            let before = find(&tx, ctx.account(), serial).await?;
            let mut after = before.clone();
            edit(&mut after)?;
            tx.put_resource(&home(ctx.account()), Some(&before), &after);
            Ok(())
        }
    })
    .await
}

pub(crate) async fn tag_mfa_device(ctx: Ctx, input: TagMFADeviceInput) -> Result<TagMFADeviceOutput> {
    edit(&ctx, &input.serial_number, |device| tags::add(&mut device.tags, &input.tags)).await?;
    Ok(TagMFADeviceOutput {})
}

pub(crate) async fn untag_mfa_device(ctx: Ctx, input: UntagMFADeviceInput) -> Result<UntagMFADeviceOutput> {
    let untag = |device: &mut MfaDevice| {
        tags::remove(&mut device.tags, &input.tag_keys);
        Ok(())
    };
    edit(&ctx, &input.serial_number, untag).await?;
    Ok(UntagMFADeviceOutput {})
}

pub(crate) async fn list_mfa_device_tags(
    ctx: Ctx,
    input: ListMFADeviceTagsInput,
) -> Result<ListMFADeviceTagsOutput> {
    let device = ctx
        .transact(|tx| {
            let (ctx, serial) = (&ctx, &input.serial_number);
            async move { find(&tx, ctx.account(), serial).await }
        })
        .await?;
    let page = tags::page(&device, Asked::new(&input.marker, input.max_items))?;
    Ok(ListMFADeviceTagsOutput { is_truncated: page.is_truncated(), tags: page.items, marker: page.marker })
}

/// Moves what a user's devices say of its name.
pub(crate) async fn rename(tx: &Tx, before: &User, after: &User) -> Result<()> {
    for device in devices_of(tx, before.account, &before.unique_id).await? {
        let enabled =
            device.enabled.clone().map(|enabled| Enabled { user: Some(after.folded.clone()), ..enabled });
        tx.put_resource(&home(before.account), Some(&device), &MfaDevice { enabled, ..device.clone() });
    }
    Ok(())
}

/// STS asks whether the caller has its device at hand. Without a serial number and a code there is nothing to ask and
/// the answer is `false`; a wrong code, or a device that is not the caller's, is AccessDenied.
pub(crate) async fn verify(ctx: &Ctx, serial: Option<&str>, code: Option<&str>) -> Result<bool> {
    let (serial, code) = match (serial, code) {
        (None, None) => return Ok(false),
        (Some(serial), Some(code)) => (serial, code),
        _ => {
            return Err(error::denied(
                "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.",
            ));
        }
    };
    let principal = &ctx.caller().principal;
    let holder = match principal.kind {
        PrincipalKind::User => principal.user_id.as_str(),
        PrincipalKind::Root => ROOT,
        _ => return Err(unable()),
    };
    let right = ctx
        .transact(|tx| async move {
            let device = find(&tx, ctx.account(), serial).await.map_err(|_| unable())?;
            device.enabled.as_ref().filter(|enabled| enabled.holder == holder).ok_or_else(unable)?;
            let mut seed = seed_of(&tx, &device).await?;
            let right = try_code(&mut seed, code, totp::step_at(host_now()));
            tx.put(&home(ctx.account()), &[&device.place], &seed);
            Ok(right)
        })
        .await?;
    let wrong = "MultiFactorAuthentication failed with invalid MFA one time pass code. ";
    if right { Ok(true) } else { Err(error::denied(wrong)) }
}

/// Whether a code is the device's. After too many wrong ones no code counts until the next step, so that whoever has
/// only the first factor cannot try out a million codes.
/// DIFFERS: AWS slows such requests down and does not say how.
fn try_code(seed: &mut MfaSeed, code: &str, now: u64) -> bool {
    let (step, count) = seed.wrong;
    let count = if step == now { count } else { 0 };
    let fits = totp::parse(code).filter(|_| count < WRONG_CODES_MAX).and_then(|code| {
        totp::find_one(&bytes_of(&seed.base32), code, now, seed.drift_steps, seed.last_step)
    });
    match fits {
        Some(step) => accept(seed, step, now),
        None => seed.wrong = (now, count.saturating_add(1)),
    }
    fits.is_some()
}

fn unable() -> Error {
    error::denied(
        "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is \
         valid and associated with this user.",
    )
}

#[cfg(test)]
mod tests {
    use super::{WRONG_CODES_MAX, bytes_of, place_of, try_code};
    use crate::state::MfaSeed;
    use crate::totp;

    #[test]
    fn codes_cannot_be_tried_out() {
        let base32 = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ".to_owned();
        let mut seed = MfaSeed { base32, drift_steps: 0, last_step: None, wrong: (0, 0) };
        let right = |seed: &MfaSeed, step| format!("{:06}", totp::code(&bytes_of(&seed.base32), step));
        let now = 1000;
        for _ in 0..WRONG_CODES_MAX {
            assert!(!try_code(&mut seed, "xxxxxx", now));
        }
        let code = right(&seed, now);
        assert!(!try_code(&mut seed, &code, now), "one more is one too many, even the right one");
        let code = right(&seed, now + 1);
        assert!(try_code(&mut seed, &code, now + 1), "the next step is a new beginning");
        assert!(!try_code(&mut seed, &code, now + 1), "and no code counts twice");
    }

    #[test]
    fn a_serial_number_tells_where_the_device_is() {
        let place = |serial: &str| place_of(serial).map(|(_, place)| place);
        assert_eq!(place("arn:aws:iam::111122223333:mfa/Alice").as_deref(), Some("/alice"));
        assert_eq!(place("arn:aws:iam::111122223333:mfa/Dev/Ops/a").as_deref(), Some("/Dev/Ops/a"));
        for bad in ["GAHT12345678", "arn:aws:iam::1:mfa/a", "arn:aws:iam::111122223333:user/a"] {
            assert_eq!(place(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_vectors_of_rfc_4648() {
        for (text, bytes) in [("MY", "f"), ("MZXW6YQ", "foob"), ("MZXW6YTBOI", "foobar")] {
            assert_eq!(bytes_of(text), bytes.as_bytes());
        }
    }
}
