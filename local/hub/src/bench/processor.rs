//! The processor's time, memory, and how either grows.

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::Context;

use super::rig::Rig;

/// What some work took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Took {
    /// Seconds of the processor that the hub itself took: what this thread took, less the part that the
    /// embedded AWS and the fake CRMs had of it.
    pub(crate) own_s: f64,
}

/// Does something on a rig and says what it took.
pub(crate) async fn took<T>(rig: &Rig, work: impl Future<Output = T>) -> anyhow::Result<(T, Took)> {
    let others = |rig: &Rig| rig.aws.busy() + rig.wire.busy();
    let (busy, cpu, begun) = (others(rig), thread_time()?, Instant::now());
    let done = work.await;
    let wall = begun.elapsed().as_secs_f64();
    let cpu = thread_time()?.saturating_sub(cpu).as_secs_f64();
    // A share of the wall clock, so that whatever else runs on the machine slows both alike.
    let share = others(rig).saturating_sub(busy).as_secs_f64() / wall.max(f64::EPSILON);
    let own_s = cpu * (1.0 - share.min(1.0));
    Ok((done, Took { own_s }))
}

/// How long this thread has been on a processor. <https://docs.kernel.org/scheduler/sched-stats.html>
fn thread_time() -> anyhow::Result<Duration> {
    const FILE: &str = "/proc/thread-self/schedstat";
    let text = fs::read_to_string(FILE).context(FILE)?;
    let ns = text.split(' ').next().and_then(|ns| ns.parse().ok());
    ns.map(Duration::from_nanos)
        .with_context(|| format!("{FILE} holds no time: {text}"))
}

/// A line of `/proc/self/status` in megabytes: `VmRSS` is what the process has now, `VmHWM` the most it had.
pub(crate) fn memory_mb(line: &str) -> anyhow::Result<f64> {
    const FILE: &str = "/proc/self/status";
    let text = fs::read_to_string(FILE).context(FILE)?;
    let found = text
        .lines()
        .find_map(|found| found.strip_prefix(line)?.strip_prefix(':'));
    let kb = found.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
    kb.map(|kb| kb / 1_024.0)
        .with_context(|| format!("{FILE} has no {line}"))
}

/// The exponent of growth: the slope of the straight line that fits the logarithms best (least squares).
/// 1 is linear.
pub(crate) fn exponent(points: &[(f64, f64)]) -> f64 {
    let logs: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    let count = super::spent::many(logs.len());
    let mean = |of: fn(&(f64, f64)) -> f64| logs.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let up: f64 = logs.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    let along: f64 = logs.iter().map(|point| (point.0 - x).powi(2)).sum();
    up / along
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponent_of_a_power_is_its_exponent() {
        let of = |power: f64| {
            let points = [10.0_f64, 100.0, 1_000.0].map(|x| (x, 3.0 * x.powf(power)));
            exponent(&points)
        };
        for power in [0.0, 0.5, 1.0, 1.02, 2.0] {
            assert!((of(power) - power).abs() < 1e-9, "{power}: {}", of(power));
        }
    }

    #[test]
    fn this_thread_has_a_time_and_this_process_memory() {
        let before = thread_time().unwrap();
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(50) {}
        assert!(thread_time().unwrap() > before);
        assert!(memory_mb("VmRSS").unwrap() > 1.0);
        assert!(memory_mb("VmHWM").unwrap() >= memory_mb("VmRSS").unwrap());
    }
}
