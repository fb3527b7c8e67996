# What an instance does when it boots: user data, as root, at the first boot only.
instance=$1
done=/var/lib/cloud/instances/$instance/boot-finished
if [ -e /run/yakumo/user-data ] && [ ! -e "$done" ]; then
  mkdir -p "/var/lib/cloud/instances/$instance/scripts"
  script=/var/lib/cloud/instances/$instance/scripts/part-001
  cp /run/yakumo/user-data "$script" && chmod 700 "$script"
  case "$(head -c 2 "$script")" in
    '#!') HOME=/root; export HOME; cd / && "$script" </dev/null ;;
    *) echo "user data is no script: it is not run" ;;
  esac
fi
mkdir -p "${done%/*}" && date >"$done"
