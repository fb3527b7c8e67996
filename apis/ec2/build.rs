//! Generates the typed API of the operations in `operations.txt`.

fn main() -> anyhow::Result<()> {
    yakumo_codegen::generate("ec2")
}
