//! `cargo xtask bench`: runs the benchmarks and writes their figures into docs/performance.md, with machine and date.

use anyhow::{Context, Result, bail};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// What encloses the figures in the document.
const START: &str = "<!-- figures: cargo xtask bench -->\n";
const END: &str = "<!-- end of the figures -->\n";

/// Measures and writes.
pub(crate) fn bench() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the folder of the sources")?;
    crate::install::build(root)?;
    let calls = output(&root.join("benchmark/run"))?;
    let peers = output(&root.join("benchmark/peers"))?;
    let (table, rest): (Vec<&str>, Vec<&str>) =
        calls.lines().filter(|line| !line.is_empty()).partition(|line| line.starts_with('|'));
    let rest: Vec<String> = rest.iter().map(|line| format!("- {line}")).collect();
    let figures = format!(
        "{START}Measured on {}.\n\n{}\n\n{}\n\n\
         Others that see these calls, on the same work (ratio to the raw calls):\n\n{peers}{END}",
        machine()?,
        table.join("\n"),
        rest.join("\n")
    );
    let document = root.join("docs/performance.md");
    let text = fs::read_to_string(&document).context("docs/performance.md")?;
    let (Some(start), Some(end)) = (text.find(START), text.find(END)) else {
        bail!("docs/performance.md has no place for the figures: '{}' and '{}'", START.trim(), END.trim());
    };
    let text = format!("{}{figures}{}", &text[..start], &text[end + END.len()..]);
    fs::write(&document, text).context("writing docs/performance.md")?;
    println!("the figures are in {}", document.display());
    Ok(())
}

/// What a benchmark prints.
fn output(program: &Path) -> Result<String> {
    println!("{} (some minutes)", program.display());
    let output = Command::new(program).stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("running {}", program.display()))?;
    if !output.status.success() {
        bail!("{} failed", program.display());
    }
    String::from_utf8(output.stdout).context("its output")
}

/// Processor, kernel, C library and date.
pub(crate) fn machine() -> Result<String> {
    let said = |program: &str, arguments: &[&str]| -> Result<String> {
        let output = Command::new(program).args(arguments).output().with_context(|| format!("running {program}"))?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": an unknown processor");
    let model = model.trim_start_matches(['\t', ' ', ':']);
    Ok(format!(
        "{model}, {} cores, Linux {}, {}, {}",
        said("nproc", &[])?,
        said("uname", &["-r"])?,
        said("getconf", &["GNU_LIBC_VERSION"])?,
        said("date", &["-u", "+%F"])?
    ))
}
