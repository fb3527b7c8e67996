//! Virtual MFA devices: made with a secret and its QR code, listed, deleted.
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_mfa_enable_virtual.html>

use crate::mfa_devices::{find, place};
use crate::paging::Asked;
use crate::quotas::{self, Quota};
use crate::state::{MfaDevice, MfaSeed, User, home};
use crate::{error, qr_code, tags, users};
use yakumo_api_iam::{
    CreateVirtualMFADeviceInput, CreateVirtualMFADeviceOutput, DeleteVirtualMFADeviceInput,
    DeleteVirtualMFADeviceOutput, ListVirtualMFADevicesInput, ListVirtualMFADevicesOutput, User as ShownUser,
    VirtualMFADevice as Shown, assignment_status_type,
};
use yakumo_aws::{AccountId, Error, Result};
use yakumo_policy::Principal;
use yakumo_room::{Ctx, Resource};

/// The length of a secret in base 32: 320 bits, as AWS's are.
const SECRET_CHARS: usize = 64;
/// AWS: the longest name of a device (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>).
const NAME_CHARS_MAX: usize = 226;
/// The longest serial number that the other operations take.
const SERIAL_CHARS_MAX: usize = 256;

pub(crate) async fn create_virtual_mfa_device(
    ctx: Ctx,
    input: CreateVirtualMFADeviceInput,
) -> Result<CreateVirtualMFADeviceOutput> {
    let path = input.path.clone().unwrap_or_else(|| "/".into());
    let mut device = MfaDevice {
        account: ctx.account(),
        place: place(&path, &input.virtual_mfa_device_name),
        name: input.virtual_mfa_device_name.clone(),
        path,
        created: ctx.now(),
        tags: Default::default(),
        enabled: None,
    };
    if device.name.len() > NAME_CHARS_MAX || device.arn().len() > SERIAL_CHARS_MAX {
        return Err(error::validation(format!(
            "1 validation error detected: Value '{}' at 'virtualMFADeviceName' failed to satisfy constraint: Member must \
             have length less than or equal to {NAME_CHARS_MAX}",
            device.name
        )));
    }
    tags::add(&mut device.tags, input.tags.as_deref().unwrap_or_default())?;
    let secret = ctx.base().ids.base32(SECRET_CHARS);
    let url = key_uri(&device, &secret);
    let png = qr_code::png(&url).ok_or_else(|| Error::internal("a key URI is too long for a QR code"))?;
    ctx.transact(|tx| {
        let (ctx, device, secret) = (&ctx, &device, &secret);
        async move {
            let scope = home(ctx.account());
            if tx.get::<MfaDevice>(&scope, &[&device.place]).await?.is_some() {
                let text = "MFADevice entity at the same path and name already exists.";
                return Err(error::already_exists(text));
            }
            quotas::admit(ctx, &tx, Quota::MfaDevices).await?;
            let seed = MfaSeed { base32: secret.clone(), drift_steps: 0, last_step: None, wrong: (0, 0) };
            tx.put(&scope, &[&device.place], &seed);
            tx.put_resource(&scope, None, device);
            Ok(())
        }
    })
    .await?;
    let virtual_mfa_device = Shown {
        serial_number: device.arn(),
        base32_string_seed: Some(secret.into()),
        qr_code_png: Some(png.into()),
        tags: tags::shown_if_any(&device.tags),
        ..Shown::default()
    };
    Ok(CreateVirtualMFADeviceOutput { virtual_mfa_device })
}

/// What authenticators read from the QR code.
/// AWS: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_VirtualMFADevice.html>
fn key_uri(device: &MfaDevice, secret: &str) -> String {
    let issuer = "Amazon%20Web%20Services";
    let (name, account) = (crate::identities::encode_document(&device.name), device.account);
    format!("otpauth://totp/{issuer}:{name}@{account}?secret={secret}&issuer={issuer}")
}

pub(crate) async fn delete_virtual_mfa_device(
    ctx: Ctx,
    input: DeleteVirtualMFADeviceInput,
) -> Result<DeleteVirtualMFADeviceOutput> {
    ctx.transact(|tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let device = find(&tx, ctx.account(), &input.serial_number).await?;
            if device.enabled.is_some() {
                return Err(error::delete_conflict("MFA VirtualDevice in use. Must deactivate first."));
            }
            let scope = home(ctx.account());
            tx.delete::<MfaSeed>(&scope, &[&device.place]);
            tx.delete_resource(&scope, &device);
            Ok(())
        }
    })
    .await?;
    Ok(DeleteVirtualMFADeviceOutput {})
}

pub(crate) async fn list_virtual_mfa_devices(
    ctx: Ctx,
    input: ListVirtualMFADevicesInput,
) -> Result<ListVirtualMFADevicesOutput> {
    let status = input.assignment_status.as_deref().unwrap_or(assignment_status_type::ANY);
    let keep = |device: &MfaDevice| match status {
        assignment_status_type::ASSIGNED => device.enabled.is_some(),
        assignment_status_type::UNASSIGNED => device.enabled.is_none(),
        _ => true,
    };
    let asked = Asked::new(&input.marker, input.max_items);
    let page = asked.records(&ctx, &home(ctx.account()), &[], MfaDevice::id, keep).await?;
    let is_truncated = page.is_truncated();
    let mut virtual_mfa_devices = Vec::new();
    for device in &page.items {
        virtual_mfa_devices.push(Shown {
            serial_number: device.arn(),
            user: holder(&ctx, device).await?,
            enable_date: device.enabled.as_ref().map(|enabled| enabled.at),
            ..Shown::default()
        });
    }
    Ok(ListVirtualMFADevicesOutput { virtual_mfa_devices, is_truncated, marker: page.marker })
}

async fn holder(ctx: &Ctx, device: &MfaDevice) -> Result<Option<ShownUser>> {
    let Some(enabled) = &device.enabled else { return Ok(None) };
    let Some(folded) = &enabled.user else { return Ok(Some(root(ctx.account()))) };
    let user = ctx.get::<User>(&home(ctx.account()), &[folded]).await?;
    Ok(user.map(|user| users::shown(&user, false)))
}

fn root(account: AccountId) -> ShownUser {
    let principal = Principal::root(crate::state::PARTITION, account);
    ShownUser { path: "/".into(), user_id: principal.user_id, arn: principal.arn, ..ShownUser::default() }
}
