// The AWS SDK for JavaScript v3 at work: every answer is checked by the SDK's own MD5 middleware as well.
import assert from "node:assert/strict";
import {
  CreateQueueCommand, DeleteMessageBatchCommand, DeleteMessageCommand, GetQueueAttributesCommand, GetQueueUrlCommand,
  ListQueuesCommand, PurgeQueueCommand, QueueDoesNotExist, ReceiveMessageCommand, SendMessageBatchCommand,
  SendMessageCommand, SQSClient,
} from "@aws-sdk/client-sqs";

const credentials = { accessKeyId: "test", secretAccessKey: "test" };
const sqs = new SQSClient({ endpoint: process.env.ENDPOINT, region: "us-east-1", credentials, maxAttempts: 1 });

const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: "js", Attributes: { VisibilityTimeout: "60" } }));
assert.equal(QueueUrl, `${process.env.ENDPOINT}/000000000000/js`);
const MessageAttributes = {
  text: { DataType: "String", StringValue: "grün" },
  raw: { DataType: "Binary", BinaryValue: new Uint8Array([0, 255, 7]) },
};
const sent = await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "八雲 <&>", MessageAttributes }));
assert.match(sent.MD5OfMessageAttributes, /^[0-9a-f]{32}$/);
const got = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 1, MessageAttributeNames: ["All"] }));
assert.equal(got.Messages[0].Body, "八雲 <&>");
assert.deepEqual([...got.Messages[0].MessageAttributes.raw.BinaryValue], [0, 255, 7]);
await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: got.Messages[0].ReceiptHandle }));

const Entries = [..."abc"].map((body, i) => ({ Id: `e${i}`, MessageBody: body }));
const batch = await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
assert.equal(batch.Successful.length, 3);
const three = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
assert.deepEqual(three.Messages.map((m) => m.Body).sort(), ["a", "b", "c"]);
const gone = await sqs.send(new DeleteMessageBatchCommand({
  QueueUrl, Entries: three.Messages.map((m, i) => ({ Id: `${i}`, ReceiptHandle: m.ReceiptHandle })),
}));
assert.equal(gone.Successful.length, 3);
const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }));
assert.equal(Attributes.VisibilityTimeout, "60");
assert.deepEqual((await sqs.send(new ListQueuesCommand({ QueueNamePrefix: "js" }))).QueueUrls, [QueueUrl]);
await sqs.send(new PurgeQueueCommand({ QueueUrl }));

await assert.rejects(sqs.send(new GetQueueUrlCommand({ QueueName: "absent" })), (error) => {
  assert.ok(error instanceof QueueDoesNotExist, `${error.name} is not the modelled class`);
  assert.ok(error.$metadata.requestId);
  return true;
});
const stranger = new SQSClient({
  endpoint: process.env.ENDPOINT, region: "us-east-1", maxAttempts: 1,
  credentials: { accessKeyId: "test", secretAccessKey: "wrong" },
});
await assert.rejects(stranger.send(new ListQueuesCommand({})), (error) => {
  assert.match(error.message, /^The request signature we calculated does not match/);
  return true;
});
console.log("the story is told");
