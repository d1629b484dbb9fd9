//! Embeds the page: builds `web` with Vite into OUT_DIR, or takes a finished build, or else a plain
//! fallback page, so that the crate builds without Node.
//!
//! - `WEB_DIST=DIR` embeds a finished build.
//! - `WEB_REQUIRED=1` makes a page that cannot be built an error instead of a warning.
//!
//! Nothing is written into the source tree but `web/node_modules`.

use std::{
    env, error, fs,
    fs::File,
    io,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, SystemTime},
};

type Fault = Box<dyn error::Error>;

/// What the page is built from.
const SOURCES: [&str; 8] = [
    "src",
    "public",
    "index.html",
    "package.json",
    "package-lock.json",
    "vite.config.ts",
    "svelte.config.js",
    "tsconfig.json",
];

fn main() -> Result<(), Fault> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let web = root.join("web");
    // A watched path that is not there would run this at every build.
    let sources = SOURCES.map(|source| web.join(source));
    for watched in sources.iter().filter(|path| path.exists()) {
        println!("cargo::rerun-if-changed={}", watched.display());
    }
    println!(
        "cargo::rerun-if-changed={}",
        root.join("build.rs").display()
    );
    println!("cargo::rerun-if-env-changed=WEB_DIST");
    println!("cargo::rerun-if-env-changed=WEB_REQUIRED");

    memory_serve::load_directory_with_embed(page(&root, &web)?, true);
    Ok(())
}

/// The directory to embed.
fn page(root: &Path, web: &Path) -> Result<PathBuf, Fault> {
    if let Some(dist) = env::var_os("WEB_DIST") {
        let dist = PathBuf::from(dist);
        if !dist.join("index.html").is_file() {
            return Err(format!("WEB_DIST: no index.html in {}", dist.display()).into());
        }
        return Ok(dist);
    }
    let dist = PathBuf::from(env::var("OUT_DIR")?).join("dist");
    match build(root, web, &dist) {
        Ok(()) => {
            age(&dist)?;
            Ok(dist)
        }
        Err(fault) if env::var_os("WEB_REQUIRED").is_some() => {
            Err(format!("the page was not built: {fault}").into())
        }
        Err(fault) => {
            println!(
                "cargo::warning=the page was not built ({fault}); a plain page stands in for it. \
                 With Node 20.19 or newer: touch dashboard/build.rs and build again"
            );
            Ok(root.join("fallback"))
        }
    }
}

fn build(root: &Path, web: &Path, dist: &Path) -> Result<(), Fault> {
    if !web.join("package.json").is_file() {
        return Err("there is no web/package.json".into());
    }
    // Builds with different target directories share `node_modules`, and must not fill it at once.
    // This file serves as the lock because it is always there and npm never touches it; the lock
    // goes with the process.
    let _lock = lock(&root.join("build.rs"));
    if !installed(web) {
        npm(
            web,
            &[
                "ci",
                "--omit=dev",
                "--ignore-scripts",
                "--no-audit",
                "--no-fund",
            ],
        )?;
    }
    let dist = dist.to_str().ok_or("OUT_DIR is not UTF-8")?;
    npm(
        web,
        &["run", "build", "--", "--outDir", dist, "--emptyOutDir"],
    )
}

fn lock(path: &Path) -> io::Result<File> {
    let file = File::open(path)?;
    file.lock()?;
    Ok(file)
}

/// Whether `node_modules` is of this lock file. `npm install` writes both, the lock file last.
fn installed(web: &Path) -> bool {
    const BOTH_WRITTEN: Duration = Duration::from_secs(10);
    let changed = |path: &str| fs::metadata(web.join(path)).and_then(|file| file.modified());
    match (
        changed("node_modules/.package-lock.json"),
        changed("package-lock.json"),
    ) {
        (Ok(installed), Ok(wanted)) => installed + BOTH_WRITTEN >= wanted,
        _ => false,
    }
}

fn npm(web: &Path, arguments: &[&str]) -> Result<(), Fault> {
    let program = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let output = Command::new(program)
        .args(arguments)
        .current_dir(web)
        .output()
        .map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    // The reason in one line; all of it is in cargo's output of this script.
    let said = String::from_utf8_lossy(&output.stderr);
    eprintln!("{said}");
    let reason = said.lines().map(str::trim).find(|line| !line.is_empty());
    let command = arguments[..2].join(" ");
    Err(format!("npm {command}: {}", reason.unwrap_or("no reason given")).into())
}

/// Gives everything an old time. Cargo compares watched paths with this script's last run, and the
/// embedded directory is among them: made by the run itself, it would look changed at every build.
fn age(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            age(&entry?.path())?;
        }
    }
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    File::open(path)?.set_modified(old)
}
