//! What a process and its children have cost: CPU time and memory, as Linux counts them in `/proc`.

use std::{collections::HashMap, fs, io, path::Path};

/// Linux counts CPU time for user programs in hundredths of a second (`getconf CLK_TCK`), which is exact enough over
/// the seconds that one phase takes.
const TICK_US: u64 = 10_000;

/// CPU time in microseconds, user and system together, of `pid` and all its living descendants, with what their
/// ended threads have used.
pub fn cpu_us(pid: u32) -> io::Result<u64> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(child) = name.to_str().and_then(|text| text.parse::<u32>().ok()) else { continue };
        if let Ok(fields) = stat(child) {
            children.entry(fields.parent).or_default().push(child);
        }
    }
    let (mut total, mut open) = (0, vec![pid]);
    while let Some(one) = open.pop() {
        match stat(one) {
            Ok(fields) => total += fields.ticks * TICK_US,
            Err(error) if one == pid => return Err(error),
            Err(_) => {}
        }
        open.extend(children.remove(&one).unwrap_or_default());
    }
    Ok(total)
}

struct Stat {
    parent: u32,
    ticks: u64,
}

/// Fields 4, 14 and 15 of `/proc/PID/stat` (proc_pid_stat(5)); the name in field 2 may hold spaces and brackets.
fn stat(pid: u32) -> io::Result<Stat> {
    let text = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"))?;
    let after = text.rsplit_once(") ").map_or("", |(_, after)| after);
    let fields: Vec<&str> = after.split(' ').collect();
    let number =
        |field: usize| fields.get(field - 3).and_then(|value| value.parse::<u64>().ok()).unwrap_or(0);
    Ok(Stat { parent: u32::try_from(number(4)).unwrap_or(0), ticks: number(14) + number(15) })
}
