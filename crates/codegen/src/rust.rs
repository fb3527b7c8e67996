//! The listed operations of an [`Api`] as Rust: one unit struct per operation, one struct per structure they reach.
//!
//! The text names everything by full path, because a shape may be called `Option` or `String`.

use crate::api::{Api, Kind, Member, Operation, Shape};
use crate::names::{constant, field, type_name};
use crate::reach::{reach, recursive};
use anyhow::{Context, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// What `operations.txt` lists.
#[derive(Clone, Debug, Default)]
pub struct Listed {
    /// Operation names, each once.
    pub operations: BTreeSet<String>,
    /// Generate decoding and encoding for every structure: what tests of the protocols need.
    pub both_ways: bool,
}

impl Listed {
    /// One name a line; `#` begins a comment; the line `both-ways` asks for both directions.
    pub fn parse(text: &str) -> Listed {
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        let names: BTreeSet<String> = lines.filter(|line| !line.is_empty()).map(str::to_owned).collect();
        let both_ways = names.contains("both-ways");
        Listed { operations: names.into_iter().filter(|name| name != "both-ways").collect(), both_ways }
    }
}

/// The Rust text for the listed operations.
pub fn rust(api: &Api, listed: &Listed) -> Result<String> {
    let mut operations = Vec::new();
    for name in &listed.operations {
        let found = api.operations.iter().find(|operation| operation.name == *name);
        operations.push(found.with_context(|| format!("{} has no operation {name}", api.name))?);
    }
    let mut writer = Writer::new(api, listed, &operations)?;
    for operation in &operations {
        writer.operation(operation)?;
    }
    for shape in writer.inputs.union(&writer.outputs).cloned().collect::<Vec<_>>() {
        let shape = api.shape(&shape)?;
        match shape.kind {
            Kind::Structure if !shape.is("document") => writer.structure(shape)?,
            Kind::String if !shape.enums.is_empty() => writer.constants(shape)?,
            _ => {}
        }
    }
    Ok(writer.out)
}

struct Writer<'a> {
    api: &'a Api,
    inputs: BTreeSet<String>,
    outputs: BTreeSet<String>,
    names: BTreeMap<String, String>,
    modules: BTreeSet<String>,
    out: String,
}

impl<'a> Writer<'a> {
    fn new(api: &'a Api, listed: &Listed, operations: &[&Operation]) -> Result<Writer<'a>> {
        let (mut inputs, mut outputs) = (BTreeSet::new(), BTreeSet::new());
        for operation in operations {
            reach(api, &operation.input, &mut inputs)?;
            reach(api, &operation.output, &mut outputs)?;
        }
        if listed.both_ways {
            inputs.extend(outputs.iter().cloned());
            outputs.clone_from(&inputs);
        }
        let names = struct_names(api, operations, inputs.union(&outputs))?;
        Ok(Writer { api, inputs, outputs, names, modules: BTreeSet::new(), out: String::new() })
    }

    fn operation(&mut self, operation: &Operation) -> Result<()> {
        let name = &operation.name;
        for (shape, suffix) in [(&operation.input, "Input"), (&operation.output, "Output")] {
            let wanted = format!("{name}{suffix}");
            match self.names.get(shape.as_str()) {
                None => write!(
                    self.out,
                    "/// {wanted}\n#[derive(Clone, Debug, Default, PartialEq)]\npub struct {wanted} {{}}\n\
                     impl ::yakumo_wire::Shape for {wanted} {{}}\n"
                )?,
                Some(given) if *given != wanted => {
                    writeln!(self.out, "/// {shape}\npub type {wanted} = {given};")?;
                }
                Some(_) => {}
            }
        }
        write!(
            self.out,
            "/// {name}\n#[derive(Clone, Copy, Debug)]\npub struct {name};\n\
             impl ::yakumo_wire::Operation for {name} {{\n    type Input = {name}Input;\n    type Output = {name}Output;\n    \
             const NAME: &'static str = \"{name}\";\n    const SERVICE: &'static str = \"{}\";\n}}\n",
            self.api.name
        )?;
        Ok(())
    }

    fn structure(&mut self, shape: &Shape) -> Result<()> {
        let name = self.names[&shape.name].clone();
        let stream = shape.members.iter().find(|member| is_stream(self.api, member));
        let derive = if stream.is_some() { "Debug, Default" } else { "Clone, Debug, Default, PartialEq" };
        writeln!(self.out, "/// {}\n#[derive({derive})]\npub struct {name} {{", shape.name)?;
        for member in &shape.members {
            let target = self.member_type(shape, member)?;
            writeln!(self.out, "    /// {}\n    pub {}: {target},", member.name, field(&member.name))?;
        }
        writeln!(self.out, "}}\nimpl ::yakumo_wire::Shape for {name} {{")?;
        if self.inputs.contains(&shape.name) {
            self.set(shape)?;
        }
        if self.outputs.contains(&shape.name) {
            self.emit(shape)?;
        }
        if let Some(stream) = stream {
            self.stream(stream)?;
        }
        writeln!(self.out, "}}")?;
        Ok(())
    }

    fn set(&mut self, shape: &Shape) -> Result<()> {
        if shape.members.iter().all(|member| is_stream(self.api, member)) {
            return Ok(());
        }
        self.out.push_str(
            "    fn set(&mut self, member: usize, from: &mut dyn ::yakumo_wire::Decoder) -> ::yakumo_wire::Decoded<()> {\n        \
             match member {\n",
        );
        for (at, member) in shape.members.iter().enumerate() {
            if !is_stream(self.api, member) {
                let name = field(&member.name);
                let set = if recursive(self.api, &shape.name, &member.target)? {
                    "set_boxed"
                } else {
                    "Field::set"
                };
                writeln!(self.out, "            {at} => ::yakumo_wire::{set}(&mut self.{name}, from),")?;
            }
        }
        self.out.push_str("            _ => Ok(()),\n        }\n    }\n");
        Ok(())
    }

    fn emit(&mut self, shape: &Shape) -> Result<()> {
        if shape.members.iter().all(|member| is_stream(self.api, member)) {
            return Ok(());
        }
        self.out.push_str("    fn emit(&self, to: &mut dyn ::yakumo_wire::Encoder) {\n");
        for (at, member) in shape.members.iter().enumerate() {
            if !is_stream(self.api, member) {
                let name = field(&member.name);
                let put = if recursive(self.api, &shape.name, &member.target)? {
                    "put_boxed"
                } else {
                    "Field::put"
                };
                writeln!(self.out, "        ::yakumo_wire::{put}(&self.{name}, {at}, to);")?;
            }
        }
        self.out.push_str("    }\n");
        Ok(())
    }

    fn stream(&mut self, member: &Member) -> Result<()> {
        let name = field(&member.name);
        if self.api.shape(&member.target)?.is("eventstream") {
            write!(
                self.out,
                "    fn take_events(&mut self, frames: ::yakumo_wire::event_stream::Framing) \
                 -> ::core::option::Option<::yakumo_wire::ByteStream> {{\n        \
                 Some(::core::mem::take(&mut self.{name}).into_frames(frames))\n    }}\n"
            )?;
        } else {
            write!(
                self.out,
                "    fn take_stream(&mut self) -> ::core::option::Option<::yakumo_wire::ByteStream> {{\n        \
                 Some(::core::mem::take(&mut self.{name}))\n    }}\n    \
                 fn put_stream(&mut self, stream: ::yakumo_wire::ByteStream) {{\n        self.{name} = stream;\n    }}\n"
            )?;
        }
        Ok(())
    }

    fn member_type(&self, shape: &Shape, member: &Member) -> Result<String> {
        if is_stream(self.api, member) {
            let target = self.api.shape(&member.target)?;
            return Ok(if target.is("eventstream") {
                format!("::yakumo_wire::event_stream::EventStream<{}>", self.names[&target.name])
            } else {
                "::yakumo_wire::ByteStream".to_owned()
            });
        }
        let plain = self.type_of(&member.target)?;
        Ok(if recursive(self.api, &shape.name, &member.target)? {
            format!("::core::option::Option<::std::boxed::Box<{plain}>>")
        } else if member.required {
            plain
        } else {
            format!("::core::option::Option<{plain}>")
        })
    }

    fn type_of(&self, name: &str) -> Result<String> {
        let shape = self.api.shape(name)?;
        Ok(match shape.kind {
            Kind::Structure if shape.is("document") => "::yakumo_wire::Document".to_owned(),
            Kind::Structure => self.names[name].clone(),
            Kind::List => format!("::std::vec::Vec<{}>", self.type_of(&shape.element)?),
            Kind::Map => {
                let element = self.type_of(&shape.element)?;
                format!("::std::collections::BTreeMap<::std::string::String, {element}>")
            }
            Kind::String => "::std::string::String".to_owned(),
            Kind::Integer => "i32".to_owned(),
            Kind::Long => "i64".to_owned(),
            Kind::Float => "f32".to_owned(),
            Kind::Double => "f64".to_owned(),
            Kind::Boolean => "bool".to_owned(),
            Kind::Timestamp => "::yakumo_wire::Timestamp".to_owned(),
            Kind::Blob => "::yakumo_wire::Bytes".to_owned(),
        })
    }

    fn constants(&mut self, shape: &Shape) -> Result<()> {
        let mut module = field(&type_name(&shape.name));
        while !self.modules.insert(module.clone()) {
            module.push_str("_values");
        }
        writeln!(self.out, "/// {}\npub mod {module} {{", shape.name)?;
        let mut taken = BTreeSet::new();
        for value in &shape.enums {
            let mut name = constant(value);
            while !taken.insert(name.clone()) {
                name.push('_');
            }
            writeln!(self.out, "    /// {value}\n    pub const {name}: &str = {value:?};")?;
        }
        writeln!(self.out, "}}")?;
        Ok(())
    }
}

fn is_stream(api: &Api, member: &Member) -> bool {
    let target = api.shapes.get(&member.target);
    target.is_some_and(|target| {
        target.is("eventstream")
            || (target.kind == Kind::Blob && (member.is("streaming") || target.is("streaming")))
    })
}

/// `SendMessageInput` for a shape that is one operation's input and nothing else; the model's name for all others.
fn struct_names<'n>(
    api: &Api,
    operations: &[&Operation],
    reached: impl Iterator<Item = &'n String>,
) -> Result<BTreeMap<String, String>> {
    let reached: Vec<&String> = reached.collect();
    let mut uses: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for operation in operations {
        for (shape, suffix) in [(&operation.input, "Input"), (&operation.output, "Output")] {
            uses.entry(shape).or_default().push(format!("{}{suffix}", operation.name));
        }
    }
    for name in &reached {
        let shape = api.shape(name)?;
        let nested = shape.members.iter().map(|member| &member.target).chain([&shape.element]);
        for target in nested.filter(|target| !target.is_empty()) {
            uses.entry(target).or_default().push(String::new());
        }
    }
    let mut taken: BTreeSet<String> = operations
        .iter()
        .flat_map(|operation| ["", "Input", "Output"].map(|suffix| format!("{}{suffix}", operation.name)))
        .collect();
    let mut names = BTreeMap::new();
    for name in reached {
        let shape = api.shape(name)?;
        if shape.kind != Kind::Structure || shape.is("document") {
            continue;
        }
        let rust = match uses.get(name.as_str()).map(Vec::as_slice) {
            Some([one]) if !one.is_empty() => one.clone(),
            _ => {
                let mut rust = type_name(name);
                while !taken.insert(rust.clone()) {
                    rust.push_str("Shape");
                }
                rust
            }
        };
        names.insert(name.clone(), rust);
    }
    Ok(names)
}
