//! Processor time: unlike time on the clock, it tells little of what else the machine is busy with.

use std::{fs, path::Path, time::Duration};

use crate::Fault;

/// The servers of a test cluster, by their files in its folder.
const SERVERS: [&str; 2] = ["kube-apiserver.pid", "etcd.pid"];
/// Length of a tick in /proc. Source: proc(5), USER_HZ, which is 100 on every Linux platform.
const TICK: Duration = Duration::from_millis(10);

/// Processor time used so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// By this process, all its threads.
    pub here: Duration,
    /// By API server and etcd.
    pub servers: Duration,
}

impl Spent {
    /// What has been used until now; the test cluster lies in `folder`.
    pub fn now(folder: &Path) -> Result<Self, Fault> {
        let mut servers = Duration::ZERO;
        for server in SERVERS {
            servers += of(fs::read_to_string(folder.join(server))?.trim())?;
        }
        Ok(Self { here: of("self")?, servers })
    }

    pub fn since(self, before: Self) -> Self {
        Self { here: self.here - before.here, servers: self.servers - before.servers }
    }

    /// The two, for a table.
    pub fn words(self) -> String {
        format!("{:.2} s + {:.2} s", self.here.as_secs_f64(), self.servers.as_secs_f64())
    }
}

fn of(process: &str) -> Result<Duration, Fault> {
    ticks(&fs::read_to_string(format!("/proc/{process}/stat"))?)
        .map(|ticks| TICK * ticks)
        .ok_or_else(|| "no processor time in /proc".into())
}

/// Fields 14 and 15, counted from behind the name, which may hold anything.
fn ticks(stat: &str) -> Option<u32> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u32>().ok();
    Some(field(14)? + field(15)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_brackets_does_not_shift_the_fields() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 900 0 0 0 120 30 9 9 20 0 4 0 100 0 0";
        assert_eq!(ticks(stat), Some(150));
        assert_eq!(ticks("nonsense"), None);
    }
}
