//! Packs every `*.api` with its overlay, and `routes.txt`, into `$OUT_DIR`, with a table of them in `embedded.rs`.

use anyhow::{Context, Result};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use yakumo_codegen::{Api, load, pack, parse_many, rerun_if_changed};

fn main() -> Result<()> {
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let here = Path::new(".");
    for path in [here.join("overlays"), here.join("routes.txt"), here.to_path_buf()] {
        rerun_if_changed(&path);
    }
    let mut names = Vec::new();
    for entry in std::fs::read_dir(here)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "api") {
            rerun_if_changed(&path);
            names.extend(path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned));
        }
    }
    names.sort();
    let mut apis = Vec::new();
    for name in &names {
        rerun_if_changed(&here.join(format!("overlays/{name}.toml")));
        apis.push(load(here, name)?);
    }
    apis.extend(parse_many(&std::fs::read_to_string("routes.txt").context("routes.txt")?)?);
    let mut table = format!("pub(crate) static SERVICES: [Embedded; {}] = [\n", apis.len());
    for api in &apis {
        std::fs::write(out.join(format!("{}.bin", api.name)), pack(api).with_context(|| api.name.clone())?)?;
        entry(&mut table, api)?;
    }
    table.push_str("];\n");
    std::fs::write(out.join("embedded.rs"), table)?;
    Ok(())
}

fn entry(table: &mut String, api: &Api) -> Result<()> {
    let protocols: Vec<&str> = api
        .protocols
        .iter()
        .map(|protocol| match (protocol.as_str(), api.json_version.as_str()) {
            ("json", "1.0") => "AwsJson10",
            ("json", _) => "AwsJson11",
            ("query", _) => "AwsQuery",
            ("ec2", _) => "Ec2Query",
            ("rest-json", _) => "RestJson1",
            ("rest-xml", _) => "RestXml",
            _ => "RpcV2Cbor",
        })
        .collect();
    let protocols: Vec<String> = protocols.iter().map(|name| format!("Protocol::{name}")).collect();
    writeln!(
        table,
        "    Embedded {{ name: {:?}, target_prefix: {:?}, signing_name: {:?}, endpoint_prefix: {:?}, api_version: {:?}, \
         id: {:?}, protocols: &[{}], packed: include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{}.bin\")), \
         cell: OnceLock::new() }},",
        api.name,
        api.target,
        api.signing,
        api.endpoint,
        api.version,
        api.id,
        protocols.join(", "),
        api.name
    )?;
    Ok(())
}
