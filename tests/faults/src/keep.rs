//! Long stages in chunks: a chunk that is done is kept in a file and not run again, so a stage can be broken
//! off and taken up.

use std::{fs, io, path::Path};

use crate::{stage::Job, tally::Tally};

/// Runs in one chunk: a minute or so.
const CHUNK: usize = 1_000;

/// Runs the chunks that are not kept, and sums all of them up. A chunk for which `run` gives nothing is not
/// kept.
///
/// # Errors
/// The folder cannot be read or written.
pub fn chunks(
    keep: &Path,
    name: &str,
    jobs: &[Job],
    mut run: impl FnMut(&[Job]) -> Option<Tally>,
) -> io::Result<Tally> {
    fs::create_dir_all(keep)?;
    let mut sum = Tally::default();
    for (number, chunk) in jobs.chunks(CHUNK).enumerate() {
        let path = keep.join(format!("{name}-{number}.json"));
        if let Some(tally) = read(&path)? {
            sum.join(&tally);
            continue;
        }
        if let Some(tally) = run(chunk) {
            fs::write(&path, tally.to_json().to_string())?;
            sum.join(&tally);
        }
    }
    Ok(sum)
}

fn read(path: &Path) -> io::Result<Option<Tally>> {
    match fs::read(path) {
        Ok(bytes) => {
            let value = serde_json::from_slice(&bytes).unwrap_or_default();
            Ok(Tally::from_json(&value))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::Task;

    #[test]
    fn what_is_done_is_not_run_again() {
        let keep = std::env::temp_dir().join(format!("hub-faults-{}", std::process::id()));
        let job = |seed| Job {
            setup: 0,
            task: Task::Seed(seed),
        };
        let jobs: Vec<Job> = (0..2_500).map(job).collect();
        let tally = |jobs: &[Job]| Tally {
            runs: jobs.len(),
            ..Tally::default()
        };
        // The second chunk fails, and is not kept.
        let first = chunks(&keep, "x", &jobs, |jobs| {
            let fails = jobs[0].task == Task::Seed(1_000);
            (!fails).then(|| tally(jobs))
        });
        assert_eq!(first.unwrap().runs, 1_500);
        let mut ran = Vec::new();
        let second = chunks(&keep, "x", &jobs, |jobs| {
            ran.push(jobs.len());
            Some(tally(jobs))
        });
        assert_eq!((second.unwrap().runs, ran), (2_500, vec![1_000]));
        fs::remove_dir_all(keep).unwrap();
    }
}
