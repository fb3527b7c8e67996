#!/bin/sh
# shutdown, poweroff, halt and reboot of an instance: a signal to its first process, now or later. There is no systemd to ask.
action=off
minutes=0
[ "${0##*/}" = reboot ] && action=reboot
[ "${0##*/}" = shutdown ] && minutes=1
[ "$(id -u)" = 0 ] || { echo "${0##*/}: only root may do this" >&2; exit 1; }
waiting=/run/yakumo/shutdown.pid
for word; do
  case $word in
    -r | --reboot) action=reboot ;;
    -h | -H | -P | -p | --halt | --poweroff) action=off ;;
    -c)
      [ -e "$waiting" ] && kill "$(cat "$waiting")" 2>/dev/null
      rm -f "$waiting"
      exit 0
      ;;
    -k) exit 0 ;;
    now) minutes=0 ;;
    +[0-9]*) minutes=${word#+} ;;
    [0-9]*:[0-9]*)
      minutes=$((($(date -d "$word" +%s 2>/dev/null || echo 0) - $(date +%s)) / 60))
      [ "$minutes" -lt 0 ] && minutes=$((minutes + 1440))
      ;;
  esac
done
signal=TERM
[ "$action" = reboot ] && signal=INT
if [ "$minutes" -le 0 ] 2>/dev/null; then
  echo "yakumo: the instance goes down ($action)" >/dev/console
  kill -s "$signal" 1
  exit 0
fi
echo "Shutdown scheduled in $minutes minutes, use 'shutdown -c' to cancel."
setsid sh -c "sleep $((minutes * 60)) && kill -s $signal 1" </dev/null >/dev/null 2>&1 &
echo $! >"$waiting"
