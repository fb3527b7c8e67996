//! Block device mappings: those of an image, changed by those of a request. Pure.
//!
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/block-device-mapping-concepts.html>

use super::attachments::check_device;
use crate::commit::refuse;
use crate::error;
use serde::{Deserialize, Serialize};
use yakumo_api_ec2::{BlockDeviceMapping, EbsBlockDevice};
use yakumo_aws::{Error, Result};

/// The most mappings of one request.
const MAPPINGS_MAX: usize = 28;
/// AWS: the type of a mapping that names none.
const DEFAULT_TYPE: &str = "gp2";

/// One volume that an instance begins with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mapping {
    /// The device's name: `/dev/xvda`.
    pub device: String,
    /// The snapshot that the volume begins with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// Its size in GiB; the snapshot's without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gib: Option<i32>,
    /// Its type.
    pub kind: String,
    /// Operations a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iops: Option<i32>,
    /// MiB a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throughput: Option<i32>,
    /// Whether it goes with its instance.
    pub deletes: bool,
    /// Whether an image brings it: who may use the image may use its snapshots.
    #[serde(skip)]
    pub is_of_image: bool,
}

impl Mapping {
    /// As the API shows it.
    pub(crate) fn shown(&self) -> BlockDeviceMapping {
        BlockDeviceMapping {
            device_name: Some(self.device.clone()),
            ebs: Some(EbsBlockDevice {
                delete_on_termination: Some(self.deletes),
                iops: self.iops,
                snapshot_id: self.snapshot.clone(),
                volume_size: self.gib,
                volume_type: Some(self.kind.clone()),
                throughput: self.throughput,
                encrypted: Some(false),
                ..EbsBlockDevice::default()
            }),
            ..BlockDeviceMapping::default()
        }
    }
}

/// The mappings of an image with the changes of a request. `root` is the name of the device that the image boots from.
///
/// # Errors
/// InvalidBlockDeviceMapping and others in AWS's words; 501 by name for what does not act.
pub(crate) fn merged(
    image: &[Mapping],
    wanted: Option<&Vec<BlockDeviceMapping>>,
    root: &str,
) -> Result<Vec<Mapping>> {
    let wanted = wanted.map(Vec::as_slice).unwrap_or_default();
    if wanted.len() > MAPPINGS_MAX {
        return Err(Error::sender("AttachmentLimitExceeded", "Volume attachment limit exceeded"));
    }
    let mut merged: Vec<Mapping> = image.to_vec();
    let mut named = Vec::new();
    for change in wanted {
        let device = change.device_name.as_deref().ok_or_else(|| error::missing_parameter("deviceName"))?;
        check_device(device)?;
        if named.contains(&device) {
            return Err(invalid(format!("Duplicate block device mapping for {device}")));
        }
        named.push(device);
        let at = merged.iter().position(|one| super::place(&one.device) == super::place(device));
        match (&change.ebs, at) {
            _ if change.no_device.is_some() && device == root => {
                return Err(invalid(format!("The root device {device} cannot be left out")));
            }
            _ if change.no_device.is_some() => merged.retain(|one| one.device != device),
            // AWS: types without disks of their own take no notice of these.
            (None, _) if change.virtual_name.is_some() => {}
            (None, _) => return Err(invalid(format!("The mapping of {device} says nothing"))),
            (Some(ebs), Some(at)) => {
                if let Some(one) = merged.get_mut(at) {
                    *one = changed(one, ebs, one.device == root)?;
                }
            }
            (Some(ebs), None) => merged.push(of(device, ebs)?),
        }
    }
    Ok(merged)
}

fn invalid(text: String) -> Error {
    Error::sender("InvalidBlockDeviceMapping", text)
}

fn check(ebs: &EbsBlockDevice) -> Result<()> {
    refuse(&[
        ("BlockDeviceMapping.Ebs.Encrypted", ebs.encrypted == Some(true)),
        ("BlockDeviceMapping.Ebs.KmsKeyId", ebs.kms_key_id.is_some()),
        ("BlockDeviceMapping.Ebs.OutpostArn", ebs.outpost_arn.is_some()),
        ("BlockDeviceMapping.Ebs.VolumeInitializationRate", ebs.volume_initialization_rate.is_some()),
        ("BlockDeviceMapping.Ebs.EbsCardIndex", ebs.ebs_card_index.is_some_and(|index| index != 0)),
    ])
}

/// A mapping that a request brings.
///
/// # Errors
/// 501 by name for what does not act; MissingParameter.
pub(crate) fn of(device: &str, ebs: &EbsBlockDevice) -> Result<Mapping> {
    check(ebs)?;
    if ebs.volume_size.is_none() && ebs.snapshot_id.is_none() {
        return Err(error::missing_parameter("size or snapshotId"));
    }
    Ok(Mapping {
        device: device.to_owned(),
        snapshot: ebs.snapshot_id.clone(),
        gib: ebs.volume_size,
        kind: ebs.volume_type.clone().unwrap_or_else(|| DEFAULT_TYPE.to_owned()),
        iops: ebs.iops,
        throughput: ebs.throughput,
        // AWS: what the launch makes goes with the instance, unless it is said otherwise.
        deletes: ebs.delete_on_termination.unwrap_or(true),
        is_of_image: false,
    })
}

fn changed(before: &Mapping, ebs: &EbsBlockDevice, is_root: bool) -> Result<Mapping> {
    check(ebs)?;
    let other = ebs.snapshot_id.as_ref().filter(|id| before.snapshot.as_ref() != Some(*id));
    if other.is_some() && is_root {
        return Err(invalid("snapshotId cannot be modified on root device".to_owned()));
    }
    let kind = ebs.volume_type.clone().unwrap_or_else(|| before.kind.clone());
    let keeps = kind == before.kind;
    Ok(Mapping {
        device: before.device.clone(),
        snapshot: other.cloned().or_else(|| before.snapshot.clone()),
        gib: ebs.volume_size.or(before.gib.filter(|_| other.is_none())),
        iops: ebs.iops.or(before.iops.filter(|_| keeps)),
        throughput: ebs.throughput.or(before.throughput.filter(|_| keeps)),
        kind,
        deletes: ebs.delete_on_termination.unwrap_or(before.deletes),
        is_of_image: before.is_of_image && other.is_none(),
    })
}

#[cfg(test)]
mod tests {
    use super::{Mapping, merged};
    use yakumo_api_ec2::{BlockDeviceMapping, EbsBlockDevice};

    fn image() -> Vec<Mapping> {
        vec![Mapping {
            device: "/dev/xvda".into(),
            snapshot: Some("snap-1".into()),
            gib: Some(8),
            kind: "gp3".into(),
            iops: Some(3000),
            throughput: Some(125),
            deletes: true,
            is_of_image: true,
        }]
    }

    fn of(device: &str, ebs: EbsBlockDevice) -> BlockDeviceMapping {
        BlockDeviceMapping { device_name: Some(device.into()), ebs: Some(ebs), ..Default::default() }
    }

    #[test]
    fn requests_change_what_the_image_says() {
        let larger = EbsBlockDevice {
            volume_size: Some(20),
            volume_type: Some("gp2".into()),
            delete_on_termination: Some(false),
            ..Default::default()
        };
        let data = EbsBlockDevice { volume_size: Some(1), ..Default::default() };
        let wanted = vec![of("/dev/xvda", larger), of("/dev/sdf", data)];
        let made = merged(&image(), Some(&wanted), "/dev/xvda").unwrap();
        let [root, data] = made.as_slice() else { panic!("{made:?}") };
        assert_eq!((root.gib, root.kind.as_str(), root.iops, root.deletes), (Some(20), "gp2", None, false));
        assert!(root.is_of_image && !data.is_of_image && data.deletes && data.kind == "gp2");
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let code =
            |wanted: BlockDeviceMapping| merged(&image(), Some(&vec![wanted]), "/dev/xvda").unwrap_err().code;
        let other = EbsBlockDevice { snapshot_id: Some("snap-2".into()), ..Default::default() };
        assert_eq!(code(of("/dev/xvda", other)), "InvalidBlockDeviceMapping");
        assert_eq!(code(of("/dev/sdf", EbsBlockDevice::default())), "MissingParameter");
        let sealed = EbsBlockDevice { volume_size: Some(1), encrypted: Some(true), ..Default::default() };
        assert_eq!(code(of("/dev/sdf", sealed)), "NotImplemented");
        let bare = BlockDeviceMapping {
            device_name: Some("/dev/xvda".into()),
            no_device: Some(String::new()),
            ..Default::default()
        };
        assert_eq!(code(bare), "InvalidBlockDeviceMapping");
    }
}
