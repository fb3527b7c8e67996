//! What is put into an instance before it boots: the boot script, what user data became, and the key that lets people in. Pure.

use super::Instance;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use yakumo_machine::File;

/// Where the script is that an instance runs when it boots.
pub(super) const PATH: &str = "/run/yakumo/boot";
/// The script.
const SCRIPT: &str = include_str!("boot.sh");
/// `shutdown` and its other names.
const SHUTDOWN: &str = include_str!("shutdown.sh");
/// Where the script finds what belongs to this instance.
const DATA: &str = "/run/yakumo/cloud";

/// Everything for the boot.
pub(super) struct Boot {
    /// Files to put in.
    pub files: Vec<File>,
    /// The host name that user data asks for.
    pub hostname: Option<String>,
}

/// Makes it from the record.
pub(super) fn of(instance: &Instance) -> Boot {
    let data = instance.user_data.as_ref().and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default();
    let plan = yakumo_user_data::plan(&data, default_user(&instance.image_name));
    let secret =
        |name: &str, content: Vec<u8>| File { mode: 0o600, ..File::new(format!("{DATA}/{name}"), content) };
    let mut files = vec![
        File { mode: 0o755, ..File::new(PATH, SCRIPT) },
        File { mode: 0o755, ..File::new("/run/yakumo/shutdown", SHUTDOWN) },
        secret("plan.sh", plan.script.into_bytes()),
    ];
    files.extend(plan.files.into_iter().map(|(name, content)| secret(&name, content)));
    if let Some(key) = &instance.key {
        files.push(secret("keys", format!("{key}\n").into_bytes()));
    }
    Boot { files, hostname: plan.hostname }
}

/// The user that people log in as.
/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/managing-users.html#ami-default-user-names>
pub(super) fn default_user(image: &str) -> &'static str {
    match image {
        image if image.starts_with("ubuntu") => "ubuntu",
        image if image.starts_with("debian") => "admin",
        _ => "ec2-user",
    }
}

#[cfg(test)]
mod tests {
    use super::default_user;

    #[test]
    fn each_family_has_its_user() {
        for (image, user) in [
            ("ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20251022", "ubuntu"),
            ("debian-12-amd64-20251112-2294", "admin"),
            ("al2023-ami-2023.9.20251117.0-kernel-6.1-x86_64", "ec2-user"),
            ("", "ec2-user"),
        ] {
            assert_eq!(default_user(image), user);
        }
    }
}
