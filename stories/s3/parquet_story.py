"""Parquet files in S3, written and read in ranges: `parquet_story.py arrow|s3fs URL BUCKET`."""

import os
import sys

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.fs
import pyarrow.parquet as pq
import s3fs

ROWS = 100_000
TABLE = pa.table({"n": list(range(ROWS)), "text": [f"row {n}" for n in range(ROWS)], "part": [n % 3 for n in range(ROWS)]})


def arrow(url, bucket):
    """Arrow's own S3 client, in C++."""
    place = pyarrow.fs.S3FileSystem(
        access_key="test", secret_key="test", endpoint_override=url.removeprefix("http://"), scheme="http", region="us-east-1"
    )
    pq.write_table(TABLE, f"{bucket}/a.parquet", filesystem=place, row_group_size=10_000)
    file = pq.ParquetFile(f"{bucket}/a.parquet", filesystem=place)
    assert file.read_row_group(7, columns=["n"])["n"][0].as_py() == 70_000
    assert pq.read_table(f"{bucket}/a.parquet", filesystem=place).equals(TABLE)
    ds.write_dataset(TABLE, f"{bucket}/set", format="parquet", partitioning=["part"], filesystem=place)
    found = ds.dataset(f"{bucket}/set", filesystem=place, partitioning=["part"])
    assert found.count_rows() == ROWS and found.to_table(filter=ds.field("part") == 1).num_rows == ROWS // 3
    place.create_dir(f"{bucket}/empty")
    place.copy_file(f"{bucket}/a.parquet", f"{bucket}/b.parquet")
    place.move(f"{bucket}/b.parquet", f"{bucket}/c.parquet")
    place.delete_dir(f"{bucket}/set")
    listed = place.get_file_info(pyarrow.fs.FileSelector(bucket, recursive=True))
    assert sorted(one.base_name for one in listed) == ["a.parquet", "c.parquet", "empty"]


def fsspec(url, bucket):
    """s3fs, which pandas, Dask and others use."""
    place = s3fs.S3FileSystem(key="test", secret="test", client_kwargs={"endpoint_url": url})
    body = os.urandom(12 * 1024 * 1024)
    with place.open(f"{bucket}/large", "wb", block_size=5 * 1024 * 1024) as file:
        file.write(body)
    with place.open(f"{bucket}/large", "rb", block_size=100_000) as file:
        file.seek(7_000_000)
        assert file.read(1000) == body[7_000_000:7_001_000]
    pq.write_table(TABLE, f"{bucket}/a.parquet", filesystem=place)
    assert pq.read_table(f"{bucket}/a.parquet", filesystem=place, filters=[("n", "<", 10)]).num_rows == 10
    place.mv(f"{bucket}/large", f"{bucket}/sub/moved")
    place.pipe(f"{bucket}/sub/small", b"abc")
    assert place.cat(f"{bucket}/sub/small") == b"abc" and place.isdir(f"{bucket}/sub")
    assert not place.exists(f"{bucket}/large")
    assert place.du(bucket) == len(body) + 3 + place.size(f"{bucket}/a.parquet")
    place.rm(bucket, recursive=True)
    assert not s3fs.S3FileSystem(key="test", secret="test", client_kwargs={"endpoint_url": url}).exists(bucket)


if __name__ == "__main__":
    _, story, where, name = sys.argv
    {"arrow": arrow, "s3fs": fsspec}[story](where, name)
    print("the story is told")
