//! What code scanning takes of a SARIF file: GitHub refuses more than 25,000 results, and more than 10 MB when it is compressed.

use crate::say::say;
use flate2::Compression;
use flate2::write::GzEncoder;
use mapsan_model::Counted;
use serde_json::{Value, json};
use std::io::Write;

/// The most results of a run.
const MOST_RESULTS: usize = 25_000;
/// The most bytes of a file that is compressed by gzip, as it is uploaded.
const MOST_BYTES: usize = 10_000_000;

/// The log as text; of one that is too large the results of the lowest severity are left out, and it says so.
pub(super) fn cut_to_size(log: Value) -> String {
    cut(log, MOST_RESULTS, MOST_BYTES)
}

fn cut(mut log: Value, most_results: usize, most_bytes: usize) -> String {
    let all = results(&mut log).len();
    keep(&mut log, most_results);
    let mut text = as_text(&log);
    while is_too_large(&text, most_bytes) && !results(&mut log).is_empty() {
        let half = results(&mut log).len() / 2;
        keep(&mut log, half);
        text = as_text(&log);
    }
    let kept = results(&mut log).len();
    if kept == all {
        return text;
    }
    let why = format!(
        "{} of {} left out, those of the lowest severity first: GitHub takes 25,000 results, and 10 MB when they are compressed",
        all - kept,
        Counted(all.try_into().unwrap_or(u64::MAX), "result"),
    );
    say!("SARIF: {why}");
    if let Some(notifications) = log["runs"][0]["invocations"][0]["toolExecutionNotifications"].as_array_mut() {
        notifications.push(notification("warning", why));
    }
    as_text(&log)
}

/// A text, as SARIF has it.
pub(super) fn message(text: impl Into<String>) -> Value {
    json!({ "text": text.into() })
}

/// What is told beside the results.
pub(super) fn notification(level: &str, text: String) -> Value {
    json!({ "level": level, "message": message(text) })
}

fn results(log: &mut Value) -> &mut Vec<Value> {
    log["runs"][0]["results"].as_array_mut().expect("a log has results, however few")
}

/// Keeps so many, the most severe ones, in their order.
fn keep(log: &mut Value, most: usize) {
    let results = results(log);
    if results.len() <= most {
        return;
    }
    let rank = |result: &Value| match result["level"].as_str() {
        Some("error") => 0,
        Some("warning") => 1,
        _ => 2,
    };
    let mut order: Vec<usize> = (0..results.len()).collect();
    order.sort_by_key(|index| rank(&results[*index]));
    let mut is_kept = vec![false; results.len()];
    order.iter().take(most).for_each(|index| is_kept[*index] = true);
    let mut kept = is_kept.into_iter();
    results.retain(|_| kept.next().unwrap_or(false));
}

fn as_text(log: &Value) -> String {
    serde_json::to_string_pretty(log).map(|text| text + "\n").unwrap_or_default()
}

fn is_too_large(text: &str, most_bytes: usize) -> bool {
    text.len() > most_bytes && {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        let compressed = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish());
        compressed.is_ok_and(|compressed| compressed.len() > most_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log of results, each fourth of which is an error.
    fn log(count: usize) -> Value {
        let result = |index: usize| {
            let level = if index % 4 == 3 { "error" } else { "note" };
            // Words that gzip can't make small.
            let number = (index as u64 + 1)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                .rotate_left(29)
                .wrapping_mul(0xd6e8_feb8_6659_fd93);
            let text = format!("{number:016x}{:016x}", number.wrapping_mul(number | 1));
            json!({ "level": level, "message": { "text": text } })
        };
        let results: Vec<Value> = (0..count).map(result).collect();
        json!({ "runs": [{ "results": results, "invocations": [{ "toolExecutionNotifications": [] }] }] })
    }

    fn kept(text: &str) -> (usize, usize, String) {
        let log: Value = serde_json::from_str(text).unwrap();
        let results = log["runs"][0]["results"].as_array().unwrap();
        let errors = results.iter().filter(|result| result["level"] == "error").count();
        let said = &log["runs"][0]["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"];
        (results.len(), errors, said.as_str().unwrap_or_default().to_owned())
    }

    #[test]
    fn the_least_severe_are_left_out_and_that_is_said() {
        assert_eq!(kept(&cut(log(8), 8, 1_000_000)), (8, 2, String::new()));
        let (count, errors, said) = kept(&cut(log(8), 3, 1_000_000));
        assert_eq!((count, errors), (3, 2));
        assert!(said.starts_with("5 of 8 results left out, "), "{said}");
        let (count, errors, said) = kept(&cut(log(4000), 4000, 30_000));
        assert!(
            count < 2000 && count == errors && said.contains(" of 4000 results left out"),
            "{count} {errors} {said}"
        );
    }
}
