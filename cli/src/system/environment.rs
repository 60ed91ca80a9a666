//! What a process was told by its environment when its program was started.

use std::fs;

/// The variables by which launchers tell a process its rank in a parallel job: Open MPI, what is started by `PMIx`, MPICH and
/// its kin, Slurm, and PALS.
const RANKS: [&str; 5] = ["OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID", "PALS_RANKID"];
/// How many there are, by Slurm, which numbers the one process of a job's script, too, and then says nothing of their number.
const SLURM_TASKS: [&str; 2] = ["SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"];

/// The rank of a process, if it has one, and its environment may be read.
pub(crate) fn rank_of(pid: u32) -> Option<u32> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let find = |name: &str| {
        let mut variables = environment.split(|byte| *byte == 0);
        variables
            .find_map(|variable| std::str::from_utf8(variable.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?).ok())
    };
    rank(&|name| find(name).map(str::to_owned))
}

/// Whether UCX (libucm) is in a process, and puts its own functions in the place of mmap and the like, in the code itself: those
/// make system calls. Its variables say that it is not to.
pub(crate) fn has_hooks_of_ucx(pid: u32) -> bool {
    let there = fs::read(format!("/proc/{pid}/maps")).is_ok_and(|maps| has(&maps, b"/libucm.so"));
    let is_told = |environment: Vec<u8>| {
        let settings = [&b"UCX_MEM_MMAP_HOOK_MODE=none\0"[..], b"UCX_MEM_EVENTS=n\0", b"UCX_MEM_EVENTS=no\0"];
        settings.iter().any(|setting| has(&environment, setting))
    };
    there && !fs::read(format!("/proc/{pid}/environ")).is_ok_and(is_told)
}

fn has(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

/// The command's own.
pub(crate) fn own_rank() -> Option<u32> {
    rank(&|name| std::env::var(name).ok())
}

fn rank(variable: &dyn Fn(&str) -> Option<String>) -> Option<u32> {
    let is_alone = || SLURM_TASKS.iter().find_map(|name| variable(name)).is_none_or(|tasks| tasks == "1");
    let name = RANKS.iter().find(|name| variable(name).is_some())?;
    variable(name).and_then(|rank| rank.parse().ok()).filter(|_| *name != "SLURM_PROCID" || !is_alone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn launchers_and_their_ranks() {
        let rank = |variables: &[(&str, &str)]| {
            rank(&|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
        };
        assert_eq!(rank(&[("PMI_RANK", "2")]), Some(2));
        assert_eq!(rank(&[("SLURM_PROCID", "0"), ("OMPI_COMM_WORLD_RANK", "1"), ("PMIX_RANK", "1")]), Some(1));
        assert_eq!(rank(&[("SLURM_PROCID", "0"), ("SLURM_NTASKS", "1")]), None);
        assert_eq!(rank(&[("SLURM_PROCID", "0"), ("SLURM_ARRAY_TASK_ID", "3")]), None);
        assert_eq!(rank(&[("SLURM_PROCID", "3"), ("SLURM_NTASKS", "4")]), Some(3));
        assert_eq!(rank(&[("PALS_RANKID", "7")]), Some(7));
        assert_eq!(rank(&[("OMPI_COMM_WORLD_RANK", "4")]), Some(4));
        assert_eq!(rank(&[("PMIX_RANK", "6")]), Some(6));
        assert_eq!(rank(&[("PMI_RANK", "two")]), None);
        assert_eq!(rank(&[]), None);
    }

    #[test]
    fn of_another_process() {
        let mut child = std::process::Command::new("sleep").arg("60").env("PMI_RANK", "5").spawn().unwrap();
        // Until it is another program it has this one's environment.
        let start = std::time::Instant::now();
        while rank_of(child.id()) != Some(5) && start.elapsed().as_secs() < 30 {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        assert_eq!(rank_of(child.id()), Some(5));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(rank_of(child.id()), None);
    }
}
