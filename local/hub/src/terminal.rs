//! What a person at the terminal sees.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the terminal is what this crate is for"
)]

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
