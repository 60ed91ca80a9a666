//! `cargo xtask dist`: a tarball that is used where it is unpacked, and a Debian package.
//!
//! Both are the same byte for byte when they are built twice: the times in them are those of the last commit, the owner is root,
//! names are in order, and no path of the machine that built them is in the programs.

use crate::install::{self, Place, SONAME, files_below};
use anyhow::{Context, Result, bail};
use clap::Args;
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Where to, and of what.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The folder for the packages; target/dist if it is not given.
    #[arg(long)]
    output: Option<PathBuf>,
    /// Packs the release that lies in this folder rather than building one without the paths of this machine.
    #[arg(long)]
    built: Option<PathBuf>,
}

/// Builds and packs.
pub(crate) fn dist(arguments: &Arguments) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the folder of the sources")?;
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let output = arguments.output.clone().unwrap_or_else(|| target.join("dist"));
    let built = match &arguments.built {
        Some(built) if !built.join("mapsan").is_file() => {
            bail!(
                "--built takes a folder with mapsan and libmapsan.so, such as target/release; '{}' is none",
                built.display()
            )
        }
        Some(built) => built.clone(),
        None => build(root, &target)?,
    };
    let packer = Packer { root, built: &built, output: &output, commit_time: commit_time(root)? };
    fs::create_dir_all(&output).with_context(|| format!("making {}", output.display()))?;
    for package in [packer.tarball()?, packer.debian()?] {
        let size = fs::metadata(&package)?.len();
        println!("{} ({} KiB)", package.display(), size.div_ceil(1024));
    }
    Ok(())
}

/// Builds the release in a folder of its own, since other flags would have the usual one built anew. The folder.
fn build(root: &Path, target: &Path) -> Result<PathBuf> {
    let target = target.join("distributed");
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| env::home_dir().map(|home| home.join(".cargo"))).context("the folder of cargo")?;
    // Arguments are separated by the byte that cargo has for it, so that paths may have blanks.
    let flags = [(root, "mapsan"), (&home, "cargo")]
        .map(|(path, name)| format!("--remap-path-prefix={}=/{name}", path.display()))
        .join("\u{1f}");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // Its standard error stays: it shows how far it is.
    run(Command::new(cargo)
        .current_dir(root)
        .env("CARGO_ENCODED_RUSTFLAGS", flags)
        .env("CARGO_TARGET_DIR", &target)
        .args(["build", "--release", "--locked", "--package", "mapsan", "--package", "mapsan-cli"]))?;
    Ok(target.join("release"))
}

/// When the last commit was made, in seconds since 1970; `SOURCE_DATE_EPOCH` if that is set
/// (<https://reproducible-builds.org/specs/source-date-epoch/>).
fn commit_time(root: &Path) -> Result<String> {
    if let Ok(time) = env::var("SOURCE_DATE_EPOCH") {
        return match time.parse::<u64>() {
            Ok(_) => Ok(time),
            Err(_) => bail!("SOURCE_DATE_EPOCH takes seconds since 1970, and '{time}' is no such number"),
        };
    }
    output(Command::new("git").current_dir(root).args(["log", "-1", "--format=%ct"]))
        .context("the time of the last commit; outside a repository, set SOURCE_DATE_EPOCH")
}

/// What is packed, and where to.
struct Packer<'a> {
    root: &'a Path,
    built: &'a Path,
    output: &'a Path,
    commit_time: String,
}

impl Packer<'_> {
    /// The tree finds itself: it may be unpacked anywhere.
    fn tarball(&self) -> Result<PathBuf> {
        let name = format!("mapsan-{VERSION}-{}-linux-gnu", env::consts::ARCH);
        let staging = self.staging("tarball")?;
        let folder = staging.join(&name);
        let place = Place { destdir: folder.clone(), prefix: "/".into(), libdir: "lib".into() };
        install::place_built(&place, self.root, self.built)?;
        strip(&place)?;
        for file in ["README.md", "LICENSE", "CHANGELOG.md"] {
            Place::copy(&self.root.join(file), &folder.join(file), 0o644)?;
        }
        self.documents(&folder)?;
        let file = self.output.join(format!("{name}.tar.gz"));
        run(Command::new("tar")
            .args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--format=gnu"])
            .arg(format!("--mtime=@{}", self.commit_time))
            .args(["--use-compress-program=gzip -9n", "--create", "--file"])
            .arg(&file)
            .arg("--directory")
            .arg(&staging)
            .arg(&name))?;
        Ok(file)
    }

    fn debian(&self) -> Result<PathBuf> {
        let architecture = dpkg_architecture("DEB_HOST_ARCH")?;
        let libdir = Path::new("lib").join(dpkg_architecture("DEB_HOST_MULTIARCH")?);
        let staging = self.staging("debian")?;
        let package = staging.join("mapsan");
        let place = Place { destdir: package.clone(), prefix: "/usr".into(), libdir };
        install::place_built(&place, self.root, self.built)?;
        install::debugger(&place)?;
        strip(&place)?;
        // Debian Policy 10.2: shared libraries are not executable.
        let library = place.library(SONAME).canonicalize()?;
        fs::set_permissions(&library, fs::Permissions::from_mode(0o644))?;
        self.debian_documents(&place)?;
        let size = kibibytes(&package)?;
        let depends = dependencies(&staging, &place)?;
        let control = package.join("DEBIAN");
        let fields = format!(
            "Package: mapsan\nVersion: {VERSION}\nArchitecture: {architecture}\nSection: devel\nPriority: optional\n\
             Maintainer: {}\nInstalled-Size: {size}\n{depends}\nRecommends: gcc | c-compiler\nSuggests: cmake, gdb\n\
             Description: sanitizer for memory mappings and shared memory\n{DESCRIPTION}",
            maintainer()
        );
        Place::write(&control.join("control"), fields, 0o644)?;
        Place::write(&control.join("shlibs"), "libmapsan 0 mapsan\n", 0o644)?;
        // The loader's list of libraries.
        Place::write(&control.join("triggers"), "activate-noawait ldconfig\n", 0o644)?;
        let sums = output(Command::new("sh").current_dir(&package).args([
            "-c",
            "find . -path ./DEBIAN -prune -o -type f -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 md5sum",
        ]))?;
        Place::write(&control.join("md5sums"), sums + "\n", 0o644)?;
        let file = self.output.join(format!("mapsan_{VERSION}_{architecture}.deb"));
        run(Command::new("dpkg-deb")
            .env("SOURCE_DATE_EPOCH", &self.commit_time)
            .args(["--root-owner-group", "-Zxz", "--build"])
            .arg(&package)
            .arg(&file)
            .stdout(std::process::Stdio::null()))?;
        Ok(file)
    }

    /// The pages to which README.md leads, beside it.
    fn documents(&self, folder: &Path) -> Result<()> {
        for entry in fs::read_dir(self.root.join("docs")).context("reading docs")? {
            let entry = entry?;
            Place::copy(&entry.path(), &folder.join("docs").join(entry.file_name()), 0o644)?;
        }
        Ok(())
    }

    /// What Debian asks for in a package's folder of documents, and compressed pages.
    fn debian_documents(&self, place: &Place) -> Result<()> {
        let folder = place.of(Path::new("share/doc/mapsan"));
        let date = output(
            Command::new("date").args(["--utc", "--rfc-email", "--date"]).arg(format!("@{}", self.commit_time)),
        )?;
        let changes = format!(
            "mapsan ({VERSION}) unstable; urgency=medium\n\n  * Version {VERSION}; what has changed stands in CHANGELOG.md.\n\n \
             -- {}  {date}\n",
            maintainer()
        );
        Place::write(&folder.join("changelog"), changes, 0o644)?;
        let licence = fs::read_to_string(self.root.join("LICENSE")).context("reading LICENSE")?;
        let copyright = format!(
            "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: mapsan\n\n\
             Files: *\nCopyright: {}\nLicense: Expat\n{}",
            copyright_holders(&licence)?,
            as_field(licence.lines().skip_while(|line| !line.starts_with("Permission")))
        );
        Place::write(&folder.join("copyright"), copyright, 0o644)?;
        for file in ["README.md", "CHANGELOG.md"] {
            Place::copy(&self.root.join(file), &folder.join(file), 0o644)?;
        }
        self.documents(&folder)?;
        let pages = files_below(&place.of(Path::new("share/man")))?;
        let is_long = |file: &PathBuf| fs::metadata(file).is_ok_and(|file| file.len() > 4096);
        // Those below 4 KiB stay as they are (Debian Policy 12.3).
        let long: Vec<PathBuf> = files_below(&folder)?
            .into_iter()
            .filter(|file| {
                file.ends_with("changelog") || file.extension().is_some_and(|ending| ending == "md") && is_long(file)
            })
            .collect();
        run(Command::new("gzip").args(["-9n", "--force"]).args(pages.iter().chain(&long)))
    }

    /// An empty folder for what is packed.
    fn staging(&self, name: &str) -> Result<PathBuf> {
        let folder = self.output.join("staging").join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("emptying {}", folder.display()))?;
        }
        fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
        folder.canonicalize().with_context(|| format!("finding {}", folder.display()))
    }
}

/// The field `Depends`, as dpkg-shlibdeps(1) finds it.
fn dependencies(staging: &Path, place: &Place) -> Result<String> {
    // It asks for a source package around it.
    let source = staging.join("source/debian");
    Place::write(&source.join("control"), "Source: mapsan\n\nPackage: mapsan\nArchitecture: any\n", 0o644)?;
    let mut command = Command::new("dpkg-shlibdeps");
    command.current_dir(staging.join("source")).arg("-O").args(["--ignore-missing-info", "--warnings=0"]);
    for file in [place.of(Path::new("bin/mapsan")), place.library(SONAME)] {
        command.arg(format!("-e{}", file.canonicalize()?.display()));
    }
    let found = output(&mut command)?;
    let depends = found.lines().find_map(|line| line.strip_prefix("shlibs:Depends="));
    Ok(format!("Depends: {}", depends.context("dpkg-shlibdeps found no dependency")?))
}

/// Who packs, as Debian's own tools are told (deb-changelog(5)).
fn maintainer() -> String {
    let of = |name: &str, otherwise: &str| env::var(name).unwrap_or_else(|_| otherwise.to_owned());
    format!("{} <{}>", of("DEBFULLNAME", "The mapsan developers"), of("DEBEMAIL", "mapsan@localhost"))
}

/// Of the package, in lines as control files have them.
const DESCRIPTION: &str = concat!(
    " mapsan runs C and C++ programs with checked mmap, munmap, shmget, shmat and\n",
    " their kin, and says of a call that fails, of a fault, and of what is left\n",
    " behind which argument it was, why the kernel refused it, who unmapped the\n",
    " memory, and what to do.\n .\n",
    " This package has the command, the library for LD_PRELOAD and for linking,\n",
    " its header, CMake and pkg-config files, and the commands of gdb.\n",
);

fn copyright_holders(licence: &str) -> Result<&str> {
    licence
        .lines()
        .find_map(|line| line.strip_prefix("Copyright (c) "))
        .context("LICENSE names no holder of the copyright")
}

/// The lines of a field of a control file: a blank in front of each, and a dot in place of an empty one.
fn as_field<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    lines.flat_map(|line| [" ", if line.is_empty() { "." } else { line }, "\n"]).collect()
}

/// Takes away what neither the loader nor the linker asks for.
fn strip(place: &Place) -> Result<()> {
    let extras = ["--remove-section=.comment", "--remove-section=.note"];
    run(Command::new("strip").args(extras).arg(place.of(Path::new("bin/mapsan"))))?;
    run(Command::new("strip").arg("--strip-unneeded").args(extras).arg(place.library(SONAME).canonicalize()?))?;
    run(Command::new("strip")
        .args(["--strip-debug", "--enable-deterministic-archives"])
        .arg(place.library("libmapsan.a")))
}

/// The size of a tree as `Installed-Size` has it: each file in whole KiB.
fn kibibytes(folder: &Path) -> Result<u64> {
    let mut size = 0;
    for file in files_below(folder)? {
        let metadata = file.symlink_metadata()?;
        size += if metadata.is_file() { metadata.len().div_ceil(1024) } else { 1 };
    }
    Ok(size)
}

fn dpkg_architecture(name: &str) -> Result<String> {
    output(Command::new("dpkg-architecture").arg(format!("-q{name}")))
}

/// Runs a program that must succeed.
fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| missing(command.get_program()))?;
    if status.success() { Ok(()) } else { bail!("{} failed ({status}); see above", command.get_program().display()) }
}

/// The same for what it prints, without the last newline.
fn output(command: &mut Command) -> Result<String> {
    let output =
        command.stderr(std::process::Stdio::inherit()).output().with_context(|| missing(command.get_program()))?;
    if !output.status.success() {
        bail!("{} failed ({}); see above", command.get_program().display(), output.status);
    }
    Ok(String::from_utf8(output.stdout).context("text")?.trim_end().to_owned())
}

/// Why a program can't be run, and where it comes from.
fn missing(program: &OsStr) -> String {
    let package = match program.to_str() {
        Some("dpkg-architecture" | "dpkg-shlibdeps") => "dpkg-dev",
        Some("dpkg-deb") => "dpkg",
        Some("strip") => "binutils",
        _ => return format!("running {}", program.display()),
    };
    format!("running {} (Debian: apt-get install {package})", program.display())
}
