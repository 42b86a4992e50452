//! Memory: how much this process has allocated, and how much it may (`memory_max`).
//!
//! What is counted is all that the process allocates, at its allocator: buffers of whatever kind, in code of ours or of a
//! library (TLS, HTTP/2, compression), without a word in any of it. As a request costs no allocation in the steady state,
//! counting costs it nothing, and looking 20 instructions of some 9,000. The resident size would be no measure: an allocator gives little of it back, so that it
//! does not fall when the trouble is over.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// Of [`Memory::max`], from where on it is tight, in percent: requests that no app has seen and whose bodies are still
/// to come are turned away then, so that others have the rest.
const TIGHT_PERCENT: u64 = 75;

/// What is allocated, and how much may be.
#[derive(Debug)]
pub struct Memory {
    allocated: fn() -> usize,
    max: AtomicU64,
}

impl Memory {
    /// `allocated` tells how many bytes this process has allocated; `max` is how many it may (`None`: any number).
    pub fn new(allocated: fn() -> usize, max: Option<u64>) -> Self {
        let memory = Self { allocated, max: AtomicU64::new(0) };
        memory.set_max(max);
        memory
    }

    /// After a reload.
    pub fn set_max(&self, max: Option<u64>) {
        self.max.store(max.unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// See [`Memory::new`].
    pub fn max(&self) -> u64 {
        self.max.load(Ordering::Relaxed)
    }

    /// Bytes.
    pub fn allocated(&self) -> u64 {
        (self.allocated)() as u64
    }

    /// Whether nothing new should begin.
    #[inline]
    pub fn is_short(&self) -> bool {
        self.allocated() >= self.max()
    }

    /// Whether nothing new that is large or slow should begin.
    #[inline]
    pub fn is_tight(&self) -> bool {
        self.allocated() >= self.max() / 100 * TIGHT_PERCENT
    }
}

/// The memory of this machine, or of the container if that is less; `None` where neither can be known. `root` is `/`.
pub fn of_machine(root: &Path) -> Option<u64> {
    let read = |path: &str| fs::read_to_string(root.join(path)).ok();
    let of_ram = read("proc/meminfo").and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
    });
    let groups = read("proc/self/cgroup").unwrap_or_default();
    // Each line is `number:controllers:group`.
    let limits = groups.lines().filter_map(|line| line.split_once(':')?.1.split_once(':'));
    let limits = limits.flat_map(|(controllers, group)| {
        let (tree, file) = match controllers {
            "" => ("sys/fs/cgroup", "memory.max"),
            "memory" => ("sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            _ => return Vec::new(),
        };
        // Inside a container the group's path may be the host's; the tree's own root is the container's limit then.
        let groups = Path::new(group.trim_start_matches('/')).ancestors().map(Path::to_owned);
        groups.filter_map(|group| fs::read_to_string(root.join(tree).join(group).join(file)).ok()).collect()
    });
    let of_groups = limits.filter_map(|text| text.trim().parse::<u64>().ok());
    of_groups.chain(of_ram).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine of 2 GiB, and what else these files say.
    fn machine(files: &[(&str, &str)]) -> Option<u64> {
        let root =
            std::env::temp_dir().join(format!("swiftiply-machine-{}-{}", std::process::id(), files.len()));
        let meminfo = ("proc/meminfo", "MemTotal:        2097152 kB\nMemFree: 1 kB\n");
        for (path, text) in files.iter().chain([&meminfo]) {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let found = of_machine(&root);
        fs::remove_dir_all(&root).unwrap();
        found
    }

    #[test]
    fn memory_is_the_machines_or_the_least_that_a_group_may_have() {
        assert_eq!(machine(&[]), Some(2 << 30));
        let group = ("proc/self/cgroup", "0::/system.slice/swiftiply.service\n");
        let unlimited = ("sys/fs/cgroup/system.slice/swiftiply.service/memory.max", "max\n");
        assert_eq!(machine(&[group, unlimited]), Some(2 << 30));
        let parent = ("sys/fs/cgroup/system.slice/memory.max", "67108864\n");
        assert_eq!(machine(&[group, unlimited, parent]), Some(64 << 20));
        let first_version = ("proc/self/cgroup", "3:cpu:/x\n2:memory:/docker/4711\n");
        let container = ("sys/fs/cgroup/memory/memory.limit_in_bytes", "33554432\n");
        let other = ("sys/fs/cgroup/memory/x", "");
        assert_eq!(machine(&[first_version, container, other, other]), Some(32 << 20));
        assert_eq!(of_machine(Path::new("/nowhere")), None);
    }

    #[test]
    fn memory_is_tight_before_it_is_short() {
        let at = |allocated: fn() -> usize| {
            let memory = Memory::new(allocated, Some(1000));
            (memory.is_tight(), memory.is_short())
        };
        assert_eq!(at(|| 749), (false, false));
        assert_eq!(at(|| 750), (true, false));
        assert_eq!(at(|| 1000), (true, true));
        assert!(!Memory::new(|| usize::MAX / 2, None).is_tight());
    }
}
