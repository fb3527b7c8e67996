// The AWS SDK for JavaScript v3 with S3: path style, virtual hosts, uploads in parts from a stream, pages, conditions.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { lookup } from "node:dns";
import { Agent } from "node:http";
import { Readable } from "node:stream";
import {
  CreateBucketCommand, DeleteObjectsCommand, GetObjectCommand, HeadObjectCommand, NoSuchKey, paginateListObjectsV2,
  PutObjectCommand, S3Client, waitUntilObjectExists,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";

const { ENDPOINT, BUCKET: Bucket } = process.env;
const common = { region: "us-east-1", maxAttempts: 1, credentials: { accessKeyId: "test", secretAccessKey: "test" } };
const path = new S3Client({ ...common, endpoint: ENDPOINT, forcePathStyle: true });
// The SDK asks for BUCKET.localhost by itself. Not every machine's resolver knows that name.
const httpAgent = new Agent({ keepAlive: true, lookup: (_, options, done) => lookup("127.0.0.1", options, done) });
const virtual = new S3Client({ ...common, endpoint: ENDPOINT.replace("127.0.0.1", "localhost"), requestHandler: { httpAgent } });

await path.send(new CreateBucketCommand({ Bucket }));
for (const [style, s3] of [["path", path], ["virtual", virtual]]) {
  await s3.send(new PutObjectCommand({ Bucket, Key: `${style}/ä b`, Body: "八雲", Metadata: { style } }));
  await waitUntilObjectExists({ client: s3, maxWaitTime: 10 }, { Bucket, Key: `${style}/ä b` });
  const got = await s3.send(new GetObjectCommand({ Bucket, Key: `${style}/ä b`, ChecksumMode: "ENABLED" }));
  assert.equal(await got.Body.transformToString(), "八雲");
  assert.equal(got.Metadata.style, style);
  assert.ok(got.ChecksumCRC32, "the SDK sends a CRC32 of its own, in a trailer or a header");
  const body = randomBytes(12 * 1024 * 1024);
  const pieces = Array.from({ length: 48 }, (_, i) => body.subarray(i * 262144, (i + 1) * 262144));
  const upload = new Upload({ client: s3, params: { Bucket, Key: `${style}/large`, Body: Readable.from(pieces) }, partSize: 5 * 1024 * 1024 });
  const done = await upload.done();
  assert.match(done.ETag, /-3"$/);
  const hash = createHash("sha256");
  for await (const piece of (await s3.send(new GetObjectCommand({ Bucket, Key: `${style}/large` }))).Body) hash.update(piece);
  assert.equal(hash.digest("hex"), createHash("sha256").update(body).digest("hex"));
  const cut = await s3.send(new GetObjectCommand({ Bucket, Key: `${style}/large`, Range: "bytes=-7" }));
  assert.deepEqual(Buffer.from(await cut.Body.transformToByteArray()), body.subarray(-7));
  await assert.rejects(
    s3.send(new PutObjectCommand({ Bucket, Key: `${style}/large`, Body: "x", IfNoneMatch: "*" })),
    { name: "PreconditionFailed" },
  );
  await assert.rejects(s3.send(new GetObjectCommand({ Bucket, Key: "absent" })), (error) => error instanceof NoSuchKey);
  await assert.rejects(s3.send(new HeadObjectCommand({ Bucket, Key: "absent" })), { name: "NotFound" });
}
const keys = [];
for await (const page of paginateListObjectsV2({ client: virtual, pageSize: 1 }, { Bucket })) {
  keys.push(...page.Contents.map((one) => one.Key));
}
assert.deepEqual(keys, ["path/large", "path/ä b", "virtual/large", "virtual/ä b"]);
const gone = await virtual.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: keys.map((Key) => ({ Key })) } }));
assert.equal(gone.Deleted.length, 4);
console.log("the story is told");
