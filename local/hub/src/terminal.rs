//! What a person at the terminal sees.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the terminal is what this crate is for"
)]

use std::future::Future;

use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};

/// A step of building up.
pub(crate) fn step(text: &str) {
    println!("  • {text}");
}

/// A heading.
pub(crate) fn heading(text: &str) {
    println!("\n{text}");
}

/// A line.
pub(crate) fn line(text: &str) {
    println!("{text}");
}

/// A table.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) {
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_header(header.iter().copied());
    for row in rows {
        table.add_row(row);
    }
    println!("{table}");
}

/// What a long command is at, on stderr: stdout is for results.
pub(crate) fn progress(text: &str) {
    eprintln!("{text}");
}

/// What is done once somebody presses Ctrl-C or the process is told to end (SIGTERM, as `docker stop` and
/// CI send it). Both are heard from this call on.
///
/// # Errors
/// The system lets nobody listen.
#[cfg(unix)]
pub(crate) fn interrupted() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// The same where there is no SIGTERM.
#[cfg(not(unix))]
pub(crate) fn interrupted() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async {
        // Nobody to listen to: it ends by itself.
        let _ = tokio::signal::ctrl_c().await;
    })
}
