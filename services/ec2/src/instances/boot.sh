# What an instance does when it boots, as root: users and keys, the SSH server, user data. The order and the places are cloud-init's.
# `plan.sh` has the functions that user data became; what it calls stands here. Nothing is needed but a POSIX shell and the usual tools.
instance=$1
data=/run/yakumo/cloud
here=/var/lib/cloud/instances/$instance
HOME=/root
export HOME
cd /
mkdir -p "$here/scripts" "$here/sem" /var/log /root
chmod 700 "$here/scripts"
ln -sfn "$here" /var/lib/cloud/instance
# What is said goes to the console and into a file.
rm -f /run/yakumo/output
if mkfifo -m 600 /run/yakumo/output 2>/dev/null; then
  tee -a /var/log/cloud-init-output.log </run/yakumo/output &
  exec >/run/yakumo/output 2>&1
fi

note() { echo "yakumo: $*"; }
# A step that an instance takes once, also when it boots again.
once() { [ -e "$here/sem/$1" ] || { "$1"; : >"$here/sem/$1"; }; }

script() { # FILE [NAME]
  local name=${2:-$1}
  cp "$data/$1" "$here/scripts/$name" && chmod 700 "$here/scripts/$name"
  (cd / && INSTANCE_ID=$instance exec "$here/scripts/$name") </dev/null || note "user data: $name ended with exit code $?"
}
boothook() { script "$@"; }

include() { # URL
  local file=/run/yakumo/included
  if command -v curl >/dev/null; then
    curl -fsSL --max-time 30 --max-filesize 1048576 -o "$file" -- "$1"
  else
    wget -q -T 30 -O "$file" "$1"
  fi || { note "user data: $1 cannot be fetched: it is not done"; return; }
  case "$(head -c 2 "$file")" in
    '#!') cp "$file" "$data/included" && script included ;;
    *) note "user data: what is at $1 is no script: it is not done" ;;
  esac
}

put() { # write|append FILE PATH MODE OWNER
  local parent=${3%/*}
  mkdir -p "${parent:-/}"
  if [ "$1" = append ]; then cat "$data/$2" >>"$3"; else (umask 077 && cat "$data/$2" >"$3"); fi &&
    chmod "$4" "$3" && chown "$5" "$3" || note "write_files: $3 is not as it should be"
}

hosts() { # FULL SHORT
  printf '127.0.0.1 localhost\n::1 localhost\n127.0.1.1 %s %s\n' "$1" "$2" >/etc/hosts
}

timezone() { # NAME
  if [ -e "/usr/share/zoneinfo/$1" ]; then
    ln -sf "/usr/share/zoneinfo/$1" /etc/localtime && echo "$1" >/etc/timezone
  else
    note "timezone: this image does not know $1"
  fi
}

packages() { # install|upgrade NAME...
  local what=$1
  shift
  if ! command -v apt-get >/dev/null; then
    note "packages: this image has no package manager: not installed: $*"
    return
  fi
  DEBIAN_FRONTEND=noninteractive
  export DEBIAN_FRONTEND
  mkdir -p /var/lib/dpkg /var/lib/apt/lists/partial /var/cache/apt/archives/partial /etc/apt
  [ -e /var/lib/dpkg/status ] || : >/var/lib/dpkg/status
  if ! ls /etc/apt/sources.list /etc/apt/sources.list.d/* >/dev/null 2>&1; then
    note "packages: this image names no package mirror (/etc/apt/sources.list): not installed: $*"
    return
  fi
  apt-get -qq -o Acquire::http::Timeout=10 -o Acquire::Retries=0 update </dev/null || note "packages: no mirror can be reached"
  [ "$what" = install ] || apt-get -qqy upgrade </dev/null || note "packages: nothing was upgraded"
  [ $# = 0 ] || apt-get -qqy install -- "$@" </dev/null || note "packages: not installed: $*"
}

number() { # a number that neither a user nor a group has
  local id=1000
  while cut -d: -f3 /etc/passwd /etc/group | grep -qx "$id"; do id=$((id + 1)); done
  echo "$id"
}

group() { grep -q "^$1:" /etc/group || echo "$1:x:$(number):" >>/etc/group; }

join() { # USER GROUP
  group "$2"
  grep "^$2:" /etc/group | cut -d: -f4 | tr , '\n' | grep -qx "$1" && return
  sed -i "s/^\($2:[^:]*:[^:]*:\)\(.*\)\$/\1\2,$1/; s/:,/:/" /etc/group
}

user() { # NAME UID GECOS HOME SHELL GROUP make|none
  grep -q "^$1:" /etc/passwd && return
  local id=${2:-$(number)} gid home=${4:-/home/$1} shell=${5:-/bin/bash} group=${6:-$1}
  [ -x "$shell" ] || shell=/bin/sh
  grep -q "^$group:" /etc/group || echo "$group:x:$id:" >>/etc/group
  gid=$(grep "^$group:" /etc/group | cut -d: -f3)
  echo "$1:x:$id:$gid:$3:$home:$shell" >>/etc/passwd
  [ -e /etc/shadow ] || (umask 077 && echo 'root:*:19000:0:99999:7:::' >/etc/shadow)
  echo "$1:*:19000:0:99999:7:::" >>/etc/shadow
  if [ "$7" = make ]; then
    mkdir -p "$home"
    [ -d /etc/skel ] && cp -R /etc/skel/. "$home/"
    chown -R "$id:$gid" "$home" && chmod 700 "$home"
  fi
}

sudo_rule() { # LINE
  mkdir -p /etc/sudoers.d
  (umask 077 && echo "$1" >>/etc/sudoers.d/90-cloud-init-users) && chmod 440 /etc/sudoers.d/90-cloud-init-users
}

authorize() { # USER KEY [OPTIONS]
  local home
  home=$(grep "^$1:" /etc/passwd | cut -d: -f6)
  mkdir -p "$home/.ssh" && chmod 700 "$home/.ssh"
  grep -qxF -- "$3$2" "$home/.ssh/authorized_keys" 2>/dev/null || echo "$3$2" >>"$home/.ssh/authorized_keys"
  chmod 600 "$home/.ssh/authorized_keys" && chown -R "$(grep "^$1:" /etc/passwd | cut -d: -f3,4)" "$home/.ssh"
}

password() { # USER plain|hash PASSWORD
  local form=
  [ "$2" = plain ] || form=-e
  printf '%s:%s\n' "$1" "$3" | chpasswd $form || note "chpasswd: the password of $1 is not set"
}

lock() { sed -i "s/^$1:[^:]*:/$1:*:/" /etc/shadow; }

keys() { # FUNCTION ARGUMENT KEY...: calls it for each key of the launch and for each that is given
  local call=$1 whom=$2 key
  shift 2
  if [ -e "$data/keys" ]; then
    while read -r key; do "$call" "$whom" "$key"; done <"$data/keys"
  fi
  for key; do "$call" "$whom" "$key"; done
}

default_user() { # NAME KEY...
  user "$1" '' 'EC2 Default User' '' '' '' make
  join "$1" adm && join "$1" sudo
  sudo_rule "$1 ALL=(ALL) NOPASSWD:ALL"
  keys authorize "$@"
}

told_off() { # USER KEY
  authorize root "$2" 'no-port-forwarding,no-agent-forwarding,no-X11-forwarding,command="cat /etc/ssh/root-login;sleep 10;exit 142" '
}

root_login() { # yes|no USER KEY...
  local may=$1
  shift
  mkdir -p /etc/ssh
  printf 'Please login as the user "%s" rather than the user "root".\n\n' "$1" >/etc/ssh/root-login
  if [ "$may" = yes ]; then shift && keys authorize root "$@"; else keys told_off "$@"; fi
}

fingerprints() {
  echo "-----BEGIN SSH HOST KEY FINGERPRINTS-----"
  cat
  echo "-----END SSH HOST KEY FINGERPRINTS-----"
}

ssh_server() {
  local kind
  if [ -x /usr/sbin/sshd ]; then
    mkdir -p /run/sshd /etc/ssh
    grep -q '^sshd:' /etc/passwd || echo 'sshd:x:74:65534::/run/sshd:/usr/sbin/nologin' >>/etc/passwd
    [ -e /etc/ssh/sshd_config ] || printf '%s\n' 'PasswordAuthentication no' 'KbdInteractiveAuthentication no' \
      'PermitRootLogin prohibit-password' 'Subsystem sftp internal-sftp' >/etc/ssh/sshd_config
    for kind in ed25519 rsa; do
      [ -e "/etc/ssh/ssh_host_${kind}_key" ] || ssh-keygen -q -t $kind -N '' -f "/etc/ssh/ssh_host_${kind}_key"
    done
    /usr/sbin/sshd && for kind in ed25519 rsa; do ssh-keygen -l -f "/etc/ssh/ssh_host_${kind}_key.pub"; done | fingerprints
  elif [ -x /usr/sbin/dropbear ]; then
    mkdir -p /etc/dropbear
    [ -e /etc/dropbear/dropbear_ed25519_host_key ] ||
      dropbearkey -t ed25519 -f /etc/dropbear/dropbear_ed25519_host_key >/dev/null 2>&1
    # The other host keys are made when somebody asks for them.
    /usr/sbin/dropbear -R -s -p 22 &&
      dropbearkey -y -f /etc/dropbear/dropbear_ed25519_host_key | grep -i fingerprint | fingerprints
  else
    note "this image has no SSH server (openssh-server or dropbear-bin on the host): nobody listens at port 22"
  fi
}

final_message() { # TEXT
  printf '%s\n' "$1" | sed "s/[$]UPTIME/$(cut -d' ' -f1 /proc/uptime)/g; s/[$]TIMESTAMP/$(date -R)/g; s/[$]DATASOURCE/DataSourceEc2/g; s/[$]VERSION/yakumo/g"
}

power_state() { # MODE MINUTES CONDITION
  sh -c "$3" </dev/null || return
  case $1 in
    reboot) shutdown -r "+$2" ;;
    *) shutdown -h "+$2" ;;
  esac
}

# systemd's programs do not work here: there is no systemd.
for name in shutdown poweroff halt reboot; do
  rm -f "/usr/sbin/$name"
  cp /run/yakumo/shutdown "/usr/sbin/$name" && chmod 755 "/usr/sbin/$name"
done
# The disk may come from another instance: whose keys it has is not this one.
new_instance() { rm -f /etc/ssh/ssh_host_* /etc/dropbear/*; }
once new_instance
. "$data/plan.sh"
early_always
once early_once
ssh_server
once config_once
per_boot
once final_once
final_always
echo "$(cut -d' ' -f1 /proc/uptime) - $(date -R)" >"$here/boot-finished"
once power
