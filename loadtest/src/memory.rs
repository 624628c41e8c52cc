//! What this process holds in memory.

use std::fs;

use crate::Fault;

/// Lets the peak begin anew at what is held now. Source: proc(5), clear_refs.
pub fn forget_peak() -> Result<(), Fault> {
    Ok(fs::write("/proc/self/clear_refs", "5")?)
}

/// The peak of resident memory since then, in MB. It includes the load test itself.
pub fn peak_mb() -> Result<u64, Fault> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    let kb: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kb * 1024 / 1_000_000)
}
