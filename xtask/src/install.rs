//! `cargo xtask install`: puts everything into place below a prefix, as distributions expect it.

use anyhow::{Context, Result, bail};
use clap::Args;
use std::env;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The soname, as the root's build.rs has it.
pub(crate) const SONAME: &str = "libmapsan.so.0";

/// The commands of gdb, below the prefix.
const GDB_COMMANDS: &str = "share/mapsan/mapsan.py";

/// Where to.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The folder under which everything lies when it is used.
    #[arg(long, default_value = "/usr/local")]
    prefix: PathBuf,
    /// The folder of libraries, below the prefix, such as lib64 or lib/x86_64-linux-gnu.
    #[arg(long, default_value = "lib")]
    libdir: PathBuf,
    /// Install below this folder instead, for packages; the environment's DESTDIR if it is not given.
    #[arg(long)]
    destdir: Option<PathBuf>,
}

/// Builds and installs.
pub(crate) fn install(arguments: &Arguments) -> Result<()> {
    let Arguments { prefix, libdir, destdir } = arguments;
    if !prefix.is_absolute() {
        bail!("--prefix takes an absolute path, and '{}' is none", prefix.display());
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the folder of the sources")?;
    build(root)?;
    let built = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from).join("release");
    let destdir = destdir.clone().or_else(|| env::var_os("DESTDIR").map(PathBuf::from)).unwrap_or_default();
    let place = Place { destdir, prefix: prefix.clone(), libdir: libdir.clone() };
    place_built(&place, root, &built)?;
    debugger(&place)?;
    println!("mapsan is installed in {}", place.of(Path::new("")).display());
    Ok(())
}

/// Removes what `install` puts into place there, and the folders that are empty then.
pub(crate) fn uninstall(arguments: &Arguments) -> Result<()> {
    let Arguments { prefix, libdir, destdir } = arguments;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the folder of the sources")?;
    let built = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from).join("release");
    if !built.join("mapsan").is_file() {
        bail!("which files there are is known by those that were built; build them: cargo build --release");
    }
    let destdir = destdir.clone().or_else(|| env::var_os("DESTDIR").map(PathBuf::from)).unwrap_or_default();
    let place = Place { destdir, prefix: prefix.clone(), libdir: libdir.clone() };
    // The same once more, beside it, tells which files they are.
    let beside = built.join("uninstalled");
    if beside.exists() {
        fs::remove_dir_all(&beside).with_context(|| format!("emptying {}", beside.display()))?;
    }
    let there = Place { destdir: beside.clone(), prefix: prefix.clone(), libdir: libdir.clone() };
    place_built(&there, root, &built)?;
    debugger(&there)?;
    let mut removed = 0_usize;
    for file in files_below(&there.of(Path::new("")))? {
        let path = place.of(file.strip_prefix(there.of(Path::new(""))).unwrap_or(&file));
        if path.symlink_metadata().is_err() {
            continue;
        }
        fs::remove_file(&path).with_context(|| format!("removing {}", path.display()))?;
        removed += 1;
        // Those of others are not empty.
        let folders = path.ancestors().skip(1).take_while(|folder| **folder != place.of(Path::new("")));
        let _ = folders.map(fs::remove_dir).take_while(Result::is_ok).count();
    }
    fs::remove_dir_all(&beside).with_context(|| format!("removing {}", beside.display()))?;
    println!("{removed} files of mapsan are removed from {}", place.of(Path::new("")).display());
    Ok(())
}

/// All files below a folder, links as they are.
pub(crate) fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() && !path.is_symlink() { found.extend(files_below(&path)?) } else { found.push(path) }
    }
    Ok(found)
}

/// Puts what was built into place, but for what gdb loads by itself: that holds the prefix, and the rest may be moved.
pub(crate) fn place_built(place: &Place, root: &Path, built: &Path) -> Result<()> {
    programs(place, built)?;
    libraries(place, root, built)?;
    packages(place, root)?;
    Place::copy(&root.join("gdb/mapsan.py"), &place.of(Path::new(GDB_COMMANDS)), 0o644)?;
    pages(place, built)
}

/// Builds the release of everything.
pub(crate) fn build(root: &Path) -> Result<()> {
    build_release(root, &["--workspace"])
}

/// Builds the release of the library alone.
pub(crate) fn build_library(root: &Path) -> Result<()> {
    build_release(root, &["--package", "mapsan"])
}

fn build_release(root: &Path, packages: &[&str]) -> Result<()> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .current_dir(root)
        .args(["build", "--release"])
        .args(packages)
        .status()
        .context("running cargo")?;
    if status.success() { Ok(()) } else { bail!("the build failed; see above") }
}

/// Where files go.
pub(crate) struct Place {
    /// What the prefix lies in while files are put into place; empty if it is the root.
    pub(crate) destdir: PathBuf,
    pub(crate) prefix: PathBuf,
    /// The folder of libraries, below the prefix.
    pub(crate) libdir: PathBuf,
}

impl Place {
    /// A path below the prefix, as it is installed now.
    pub(crate) fn of(&self, path: &Path) -> PathBuf {
        let prefix = self.prefix.join(path);
        match prefix.strip_prefix("/") {
            Ok(below) if !self.destdir.as_os_str().is_empty() => self.destdir.join(below),
            _ => prefix,
        }
    }

    /// A path below the folder of libraries.
    pub(crate) fn library(&self, name: &str) -> PathBuf {
        self.of(&self.libdir.join(name))
    }

    /// Writes a file, with the folders above it.
    pub(crate) fn write(path: &Path, content: impl AsRef<[u8]>, mode: u32) -> Result<()> {
        let shown = path.display();
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
        }
        // A library that is in use keeps its old file.
        if path.symlink_metadata().is_ok() {
            fs::remove_file(path).with_context(|| format!("replacing {shown}"))?;
        }
        fs::write(path, content).with_context(|| format!("writing {shown}"))?;
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).with_context(|| format!("permissions of {shown}"))
    }

    pub(crate) fn copy(from: &Path, to: &Path, mode: u32) -> Result<()> {
        let content = fs::read(from).with_context(|| format!("reading {}", from.display()))?;
        Place::write(to, content, mode)
    }

    fn link(target: &str, path: &Path) -> Result<()> {
        if path.symlink_metadata().is_ok() {
            fs::remove_file(path)?;
        }
        symlink(target, path).with_context(|| format!("linking {}", path.display()))
    }
}

fn programs(place: &Place, built: &Path) -> Result<()> {
    let bin = Path::new("bin");
    Place::copy(&built.join("mapsan"), &place.of(&bin.join("mapsan")), 0o755)?;
    Place::link("mapsan", &place.of(&bin.join("mapsan-memcheck")))
}

fn libraries(place: &Place, root: &Path, built: &Path) -> Result<()> {
    let file = format!("libmapsan.so.{}", env!("CARGO_PKG_VERSION"));
    Place::copy(&built.join("libmapsan.so"), &place.library(&file), 0o755)?;
    Place::link(&file, &place.library(SONAME))?;
    Place::link(SONAME, &place.library("libmapsan.so"))?;
    Place::copy(&built.join("libmapsan.a"), &place.library("libmapsan.a"), 0o644)?;
    Place::copy(&root.join("include/mapsan.h"), &place.of(Path::new("include/mapsan.h")), 0o644)
}

/// What build systems look for. The packages find the prefix from where they lie, so that the tree may be moved.
fn packages(place: &Place, root: &Path) -> Result<()> {
    let up: PathBuf = place.libdir.components().map(|_| "..").collect();
    let pkg_config = format!(
        "prefix=${{pcfiledir}}/../{}\nlibdir=${{prefix}}/{}\nincludedir=${{prefix}}/include\n\n\
         Name: mapsan\nDescription: A sanitizer for memory mappings and shared memory\nVersion: {}\n\
         Libs: -L${{libdir}}{} -Wl,--push-state,--no-as-needed -lmapsan -Wl,--pop-state\nCflags: -I${{includedir}}\n",
        up.display(),
        place.libdir.display(),
        env!("CARGO_PKG_VERSION"),
        // Elsewhere the loader does not look for it.
        if place.prefix == Path::new("/usr") { "" } else { " -Wl,-rpath,${libdir}" },
    );
    Place::write(&place.library("pkgconfig/mapsan.pc"), pkg_config, 0o644)?;
    for name in ["mapsanConfig.cmake", "mapsanConfigVersion.cmake"] {
        let template = root.join("cmake").join(format!("{name}.in"));
        let text = fs::read_to_string(&template).with_context(|| format!("reading {}", template.display()))?;
        let text = text
            .replace("@UP@", &up.join("../..").display().to_string())
            .replace("@LIBDIR@", &place.libdir.display().to_string())
            .replace("@SONAME@", SONAME)
            .replace("@VERSION@", env!("CARGO_PKG_VERSION"));
        Place::write(&place.library(&format!("cmake/mapsan/{name}")), text, 0o644)?;
    }
    Ok(())
}

/// What has gdb load its commands with the library, where gdb looks below this prefix.
pub(crate) fn debugger(place: &Place) -> Result<()> {
    let library = place.prefix.join(&place.libdir).join(format!("libmapsan.so.{}-gdb.py", env!("CARGO_PKG_VERSION")));
    let loader = Path::new("share/gdb/auto-load").join(library.strip_prefix("/").unwrap_or(&library));
    let script = place.prefix.join(GDB_COMMANDS);
    let text = format!("import gdb\n\ngdb.execute(\"source {}\")\n", script.display());
    Place::write(&place.of(&loader), text, 0o644)
}

/// Manual pages and completions, which the command itself prints.
fn pages(place: &Place, built: &Path) -> Result<()> {
    let printed = |words: &[&str]| -> Result<Vec<u8>> {
        let output = Command::new(built.join("mapsan")).args(words).output().context("running mapsan")?;
        if output.status.success() { Ok(output.stdout) } else { bail!("mapsan {} failed", words.join(" ")) }
    };
    let share = |path: String| place.of(&Path::new("share").join(path));
    let whole = printed(&["man"])?;
    // Each page that these name is there.
    let pages_in = |page: &[u8]| -> Vec<String> {
        let page = String::from_utf8_lossy(page).into_owned();
        let names = page.lines().filter_map(|line| line.strip_prefix("mapsan\\-")?.strip_suffix("(1)"));
        names.map(|name| name.replace('\\', "")).collect()
    };
    let mut names = pages_in(&whole);
    names.extend(pages_in(&printed(&["man", "ipc"])?));
    Place::write(&share("man/man1/mapsan.1".into()), whole, 0o644)?;
    for name in names {
        Place::write(&share(format!("man/man1/mapsan-{name}.1")), printed(&["man", &name])?, 0o644)?;
    }
    for section in ["3", "7"] {
        let path = format!("man/man{section}/mapsan.{section}");
        Place::write(&share(path), printed(&["man", section])?, 0o644)?;
    }
    // The command under its other name.
    Place::write(&share("man/man1/mapsan-memcheck.1".into()), ".so man1/mapsan.1\n", 0o644)?;
    for (shell, path) in [
        ("bash", "bash-completion/completions/mapsan"),
        ("zsh", "zsh/site-functions/_mapsan"),
        ("fish", "fish/vendor_completions.d/mapsan.fish"),
    ] {
        Place::write(&share(path.to_owned()), printed(&["completions", shell])?, 0o644)?;
    }
    Ok(())
}
