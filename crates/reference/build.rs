//! Packs `reference/` into `$OUT_DIR`: each service by itself, AWS's managed policies in chunks with an index.

use anyhow::{Context, Result};
use miniz_oxide::deflate::compress_to_vec;
use std::fmt::Write;
use std::path::{Path, PathBuf};

const LEVEL: u8 = 9;
/// A chunk of policy documents ends after this many bytes: what is unpacked for one document.
const CHUNK_BYTES: usize = 64 * 1024;

fn main() -> Result<()> {
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let reference = Path::new("../../reference");
    let mut table = String::new();
    let services = texts(&reference.join("services"))?;
    writeln!(table, "pub(crate) static SERVICES: [Embedded; {}] = [", services.len())?;
    for (prefix, text) in &services {
        let packed = compress_to_vec(text.as_bytes(), LEVEL);
        std::fs::write(out.join(format!("{prefix}.bin")), packed)?;
        let models = text.lines().find_map(|line| line.strip_prefix("models ")).context("a models line")?;
        let models: Vec<&str> = models.split(' ').collect();
        writeln!(
            table,
            "    Embedded {{ prefix: {prefix:?}, models: &{models:?}, length: {}, \
             packed: include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{prefix}.bin\")), cell: OnceLock::new() }},",
            text.len()
        )?;
    }
    table.push_str("];\n");
    policies(&reference.join("policies"), &out, &mut table)?;
    std::fs::write(out.join("embedded.rs"), table)?;
    for name in ["names.txt", "exceptions.txt"] {
        watch(&reference.join(name));
    }
    Ok(())
}

/// The index has a line for each policy, in the order of their names: place, version, created, updated, chunk, offset
/// and length of the document.
fn policies(folder: &Path, out: &Path, table: &mut String) -> Result<()> {
    let mut all: Vec<(Vec<String>, String)> = Vec::new();
    for (file, text) in texts(folder)? {
        let mut lines = text.lines();
        while let Some(head) = lines.next() {
            let head = head.strip_prefix("policy ").with_context(|| format!("{file}: {head}"))?;
            let document = lines.next().context("a policy has a document")?;
            all.push((head.split(' ').map(str::to_owned).collect(), document.to_owned()));
        }
    }
    all.sort();
    let (mut index, mut packed, mut chunk) = (String::new(), Vec::new(), String::new());
    let mut chunks = Vec::new();
    let mut close = |chunk: &mut String| {
        let begin = packed.len();
        packed.extend(compress_to_vec(chunk.as_bytes(), LEVEL));
        chunks.push((begin, packed.len(), chunk.len()));
        chunk.clear();
        chunks.len()
    };
    let mut number = 0;
    for (head, document) in &all {
        writeln!(index, "{} {number} {} {}", head.join(" "), chunk.len(), document.len())?;
        chunk.push_str(document);
        if chunk.len() >= CHUNK_BYTES {
            number = close(&mut chunk);
        }
    }
    close(&mut chunk);
    std::fs::write(out.join("policies.bin"), packed)?;
    std::fs::write(out.join("policies.index.bin"), compress_to_vec(index.as_bytes(), LEVEL))?;
    writeln!(table, "pub(crate) static INDEX_LENGTH: usize = {};", index.len())?;
    writeln!(table, "pub(crate) static CHUNKS: [(usize, usize, usize); {}] = {chunks:?};", chunks.len())?;
    Ok(())
}

/// All `*.txt` of a folder with their names, sorted.
fn texts(folder: &Path) -> Result<Vec<(String, String)>> {
    watch(folder);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            watch(&path);
            let name = path.file_stem().and_then(|stem| stem.to_str()).context("a name in UTF-8")?;
            found.push((name.to_owned(), std::fs::read_to_string(&path)?));
        }
    }
    found.sort();
    Ok(found)
}

#[allow(clippy::print_stdout, reason = "standard output is how a build script talks to cargo")]
fn watch(path: &Path) {
    println!("cargo::rerun-if-changed={}", path.display());
}
