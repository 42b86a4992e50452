//! The files in `fixtures/`: every good one means what stands beside it, every bad one is refused with
//! exactly the sentence beside it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Runs `swiftiply check` in the fixtures' own folder, so that messages name files without a path.
fn check(file: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_swiftiply"))
        .arg("check")
        .arg(file.file_name().unwrap())
        .current_dir(file.parent().unwrap())
        .output()
        .unwrap()
}

fn fixtures(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(folder);
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|file| file.extension().is_some_and(|e| e == "yml")).collect();
    files.sort();
    files
}

/// What stands beside a fixture: `name.yml` has `name.txt`.
fn expected(file: &Path, extension: &str) -> String {
    let beside = file.with_extension(extension);
    fs::read_to_string(&beside)
        .unwrap_or_else(|_| panic!("{} must stand beside its fixture", beside.display()))
}

#[test]
fn every_bad_file_is_refused_with_its_sentence() {
    let files = fixtures("bad");
    assert!(files.len() >= 40, "{} bad fixtures", files.len());
    let mut wrong = Vec::new();
    for file in &files {
        let output = check(file);
        let said = String::from_utf8(output.stderr).unwrap();
        let wanted = format!("swiftiply: {}", expected(file, "txt"));
        if said != wanted || output.status.code() != Some(2) || !output.stdout.is_empty() {
            wrong.push(format!("{}\n  said   {said}  wanted {wanted}", output.status));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_good_file_means_what_stands_beside_it() {
    let files = fixtures("good");
    assert!(files.len() >= 4, "{} good fixtures", files.len());
    // A checkout gives the file the mode that the umask says; with another one there is one warning more.
    for key in ["site.key", "server.key", "bundle.pem"] {
        let key = files[0].with_file_name(key);
        fs::set_permissions(key, fs::Permissions::from_mode(0o600)).unwrap();
    }
    for file in &files {
        let output = check(file);
        let warned: String = String::from_utf8(output.stderr).unwrap();
        assert_eq!(warned, expected(file, "warnings.txt"), "warnings of {}", file.display());
        let shards = std::thread::available_parallelism().unwrap().get().min(256);
        let memory = swiftiply::config::Config::memory_max().unwrap();
        let wanted = expected(file, "txt")
            .replace("shards: CORES", &format!("shards: {shards}"))
            .replace("memory_max: MACHINE", &format!("memory_max: {memory} bytes"));
        assert_eq!(String::from_utf8(output.stdout).unwrap(), wanted, "{}", file.display());
        assert_eq!(output.status.code(), Some(0), "{}", file.display());
    }
}
