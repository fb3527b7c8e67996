#!/usr/bin/env python3
"""Makes the compact API models in this folder from a pinned botocore wheel.

What is kept are facts of the interface: operations, shapes, members, wire locations, constraints, error codes and
statuses. What is dropped is prose: documentation and deprecation messages. FORMAT.md describes the text.

    models/extract.py            writes models/*.api, models/routes.txt and the vectors of crates/wire
    models/extract.py --check    writes nothing and fails when a committed file differs
    models/extract.py --cache D  keeps the downloaded archives in D

The archives are fetched from PyPI with pip and must have the hashes in SOURCE.toml.
"""
import argparse
import gzip
import hashlib
import io
import json
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = tomllib.loads((HERE / "SOURCE.toml").read_text())


def fetch(artifact, cache):
    """The bytes of one pinned archive."""
    path = cache / artifact["file"]
    if not path.exists():
        kind = "--only-binary" if path.suffix == ".whl" else "--no-binary"
        pin = f"{SOURCE['name']}=={SOURCE['version']}"
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "-q", "--no-deps", kind, ":all:" if kind == "--only-binary" else SOURCE["name"],
             "--dest", str(cache), pin], check=True)
    data = path.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != artifact["sha256"]:
        sys.exit(f"{artifact['file']} has sha256 {found}, SOURCE.toml says {artifact['sha256']}")
    return data


def read_models(wheel):
    """Service name -> newest model."""
    newest = {}
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        for name in archive.namelist():
            found = re.fullmatch(r"botocore/data/([^/]+)/([^/]+)/service-2\.json(\.gz)?", name)
            if found and found[2] > newest.get(found[1], ("",))[0]:
                newest[found[1]] = (found[2], name)
        models = {}
        for service, (_, name) in sorted(newest.items()):
            data = archive.read(name)
            models[service] = json.loads(gzip.decompress(data) if name.endswith(".gz") else data)
        endpoints = json.loads(archive.read("botocore/data/endpoints.json"))
    for meta in (model["metadata"] for model in models.values()):
        # A service without regions: whatever region its requests are signed for, it acts in one place.
        found = endpoints["partitions"][0]["services"].get(meta.get("endpointPrefix"), {})
        if found.get("isRegionalized") is False and found.get("partitionEndpoint") in found["endpoints"]:
            meta["onlyEndpoint"] = found["endpoints"][found["partitionEndpoint"]]["hostname"]
    return models


def word(text):
    """A text that stays one word in the format."""
    if not text or re.search(r"\s", text):
        sys.exit(f"not one word: {text!r}")
    return text


def namespace(value):
    """An XML namespace: uri, or prefix|uri."""
    if isinstance(value, str):
        return word(value)
    return word("|".join(x for x in (value.get("prefix"), value["uri"]) if x))


def header(name, model):
    """The facts of the service itself, one a line."""
    meta = model["metadata"]
    lines = [f"service {name}"]
    lines.append(f"id {meta.get('serviceId', name)}")
    lines.append(f"version {word(meta['apiVersion'])}")
    protocols = meta.get("protocols") or [meta["protocol"]]
    lines.append(f"protocols {' '.join(protocols)}")
    if "json" in protocols:
        lines.append(f"json {meta.get('jsonVersion', '1.1')}")
    lines.append(f"endpoint {word(meta.get('endpointPrefix', name))}")
    lines.append(f"signing {word(meta.get('signingName', meta.get('endpointPrefix', name)))}")
    for key, fact in (("targetPrefix", "target"), ("onlyEndpoint", "global")):
        if key in meta:
            lines.append(f"{fact} {word(meta[key])}")
    if "xmlNamespace" in meta:
        lines.append(f"namespace {namespace(meta['xmlNamespace'])}")
    if "awsQueryCompatible" in meta:
        lines.append("query-compatible")
    if "h2" in meta.get("protocolSettings", {}):
        lines.append(f"h2 {word(meta['protocolSettings']['h2'])}")
    return lines


def operation(name, op, routes_only=False):
    """One operation on one line."""
    http = op["http"]
    parts = ["op", name, http["method"], word(http["requestUri"])]
    if routes_only:
        return " ".join(parts)
    if http.get("responseCode", 200) != 200:
        parts.append(f"status={http['responseCode']}")
    if "input" in op:
        parts.append(f"in={op['input']['shape']}")
        if "locationName" in op["input"]:
            parts.append(f"root={op['input']['locationName']}")
        if "xmlNamespace" in op["input"]:
            parts.append(f"ns={namespace(op['input']['xmlNamespace'])}")
    if "output" in op:
        parts.append(f"out={op['output']['shape']}")
        if "resultWrapper" in op["output"]:
            parts.append(f"wrapper={op['output']['resultWrapper']}")
        if "locationName" in op["output"]:
            parts.append(f"outroot={op['output']['locationName']}")
    if op.get("authtype"):
        parts.append(f"auth={op['authtype']}")
    if op.get("unsignedPayload"):
        parts.append("unsigned-payload")
    if "hostPrefix" in op.get("endpoint", {}):
        parts.append(f"host={word(op['endpoint']['hostPrefix'])}")
    if op.get("idempotent"):
        parts.append("idempotent")
    if op.get("readonly"):
        parts.append("readonly")
    if op.get("httpChecksumRequired"):
        parts.append("checksum-required")
    checksum = op.get("httpChecksum", {})
    if checksum.get("requestChecksumRequired"):
        parts.append("checksum-required")
    for key, fact in (("requestAlgorithmMember", "checksum-member"), ("requestValidationModeMember", "checksum-mode")):
        if key in checksum:
            parts.append(f"{fact}={checksum[key]}")
    if checksum.get("responseAlgorithms"):
        parts.append(f"checksum-response={','.join(checksum['responseAlgorithms'])}")
    for encoding in op.get("requestcompression", {}).get("encodings", []):
        parts.append(f"compression={encoding}")
    if op.get("errors"):
        parts.append("errors=" + ",".join(error["shape"] for error in op["errors"]))
    return " ".join(parts)


def number(value):
    """A bound, without a needless fraction."""
    return str(int(value)) if float(value) == int(value) else repr(float(value))


TIMES = {"iso8601": "iso8601", "unixTimestamp": "unix", "rfc822": "rfc822"}
LOCATIONS = {"header": "header", "headers": "headers", "querystring": "query", "uri": "uri", "statusCode": "status"}


def member(shape, name, ref, target):
    """One member of a structure: name, `!` when required, target, traits."""
    if shape.get("payload") == name and "locationName" in target:
        # A structure's own name counts only where it is the root of a body.
        ref = {"locationName": target["locationName"], **ref}
    parts = [name + ("!" if name in shape.get("required", []) else ""), ref["shape"]]
    location = ref.get("location")
    if location == "statusCode":
        parts.append("status")
    elif location:
        parts.append(f"{LOCATIONS[location]}={ref.get('locationName', name) or '*'}")
    elif ref.get("locationName") is not None and ref["locationName"] != name:
        parts.append(f"name={word(ref['locationName'])}")
    if shape.get("payload") == name:
        parts.append("payload")
    for key, fact in (("flattened", "flat"), ("xmlAttribute", "attribute"), ("idempotencyToken", "token"),
                      ("streaming", "streaming"), ("jsonvalue", "jsonvalue"), ("hostLabel", "label"),
                      ("eventpayload", "eventpayload"), ("eventheader", "eventheader")):
        if ref.get(key):
            parts.append(fact)
    if "queryName" in ref:
        parts.append(f"qname={word(ref['queryName'])}")
    if "timestampFormat" in ref:
        parts.append(f"time={TIMES[ref['timestampFormat']]}")
    if "xmlNamespace" in ref:
        parts.append(f"ns={namespace(ref['xmlNamespace'])}")
    return " " + " ".join(parts)


def shape(name, model, shapes):
    """One shape: a line, then its members or its constraints, indented."""
    kind = model["type"]
    kind = "string" if kind == "character" else kind
    parts = [kind, name]
    if kind == "list":
        parts.append(model["member"]["shape"])
        if "locationName" in model["member"]:
            parts.append(f"item={word(model['member']['locationName'])}")
        if model["member"].get("jsonvalue"):
            parts.append("jsonvalue")
    if kind == "map":
        parts += [model["key"]["shape"], model["value"]["shape"]]
        for key in ("key", "value"):
            if "locationName" in model[key]:
                parts.append(f"{key}={word(model[key]['locationName'])}")
    for bound in ("min", "max"):
        if bound in model:
            parts.append(f"{bound}={number(model[bound])}")
    for key, fact in (("flattened", "flat"), ("streaming", "streaming"), ("sensitive", "sensitive"), ("union", "union"),
                      ("document", "document"), ("eventstream", "eventstream"), ("event", "event")):
        if model.get(key):
            parts.append(fact)
    if "timestampFormat" in model:
        parts.append(f"time={TIMES[model['timestampFormat']]}")
    if "xmlNamespace" in model:
        parts.append(f"ns={namespace(model['xmlNamespace'])}")
    if model.get("exception") or "error" in model:
        error = model.get("error", {})
        default = 500 if model.get("fault") else 400
        parts.append(f"error={error.get('httpStatusCode', default)}")
        if error.get("code", name) != name:
            parts.append(f"code={word(error['code'])}")
        if model.get("fault") or error.get("httpStatusCode", default) >= 500:
            parts.append("fault")
    lines = [" ".join(parts)]
    if model.get("pattern"):
        pattern = model["pattern"].replace("\n", "\\n")
        lines.append(f" pattern {pattern}")
    if model.get("enum"):
        if any("|" in value or "\n" in value for value in model["enum"]):
            sys.exit(f"{name}: an enum value holds a separator")
        lines.append(" enum " + "|".join(model["enum"]))
    for key, ref in model.get("members", {}).items():
        lines.append(member(model, key, ref, shapes[ref["shape"]]))
    return lines


def compact(name, model):
    """The whole model of one service as text."""
    lines = header(name, model)
    lines += [operation(key, op) for key, op in sorted(model["operations"].items())]
    for key, value in sorted(model["shapes"].items()):
        lines += shape(key, value, model["shapes"])
    return "\n".join(lines) + "\n"


def routes(models):
    """The services that are only routed: enough to answer 501 by name."""
    lines = []
    for name, model in sorted(models.items()):
        lines += header(name, model)
        lines += [operation(key, op, routes_only=True) for key, op in sorted(model["operations"].items())]
    return "\n".join(lines) + "\n"


def vectors(sdist):
    """botocore's protocol test vectors, each suite's model in the compact form."""
    out = {}
    with tarfile.open(fileobj=io.BytesIO(sdist)) as archive:
        for entry in sorted(archive.getnames()):
            found = re.search(r"/tests/unit/protocols/(input|output)/([^/]+)\.json$", entry)
            if not found:
                continue
            suites = []
            for suite in json.load(archive.extractfile(entry)):
                for index, case in enumerate(suite["cases"]):
                    given = case.pop("given")
                    given["errors"] = [{"shape": e["shape"]} for e in given.get("errors", [])]
                    model = {"metadata": {"apiVersion": "-", "endpointPrefix": "vector", **suite["metadata"]},
                             "operations": {given["name"]: given}, "shapes": suite["shapes"]}
                    case.pop("description", None)
                    suites.append({**case, "operation": given["name"], "api": compact("vector", model).splitlines()})
            text = json.dumps(suites, indent=1, ensure_ascii=False) + "\n"
            out[HERE.parent / "crates/wire/tests/vectors" / found[1] / f"{found[2]}.json"] = text
    return out


def outputs(cache):
    """Every file this script owns, with its text."""
    models = read_models(fetch(SOURCE["wheel"], cache))
    files = {HERE / f"{name}.api": compact(name, models.pop(name)) for name in SOURCE["services"]}
    files[HERE / "routes.txt"] = routes(models)
    files.update(vectors(fetch(SOURCE["sdist"], cache)))
    return files


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--cache", type=pathlib.Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        files = outputs(args.cache or pathlib.Path(scratch))
    stale = [path for path, text in files.items() if not path.exists() or path.read_text() != text]
    stale += [path for path in HERE.glob("*.api") if path not in files]
    if args.check:
        for path in stale:
            print(f"differs: {path.relative_to(HERE.parent)}")
        sys.exit(1 if stale else 0)
    for path in stale:
        if path in files:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files[path])
        else:
            path.unlink()


if __name__ == "__main__":
    main()
