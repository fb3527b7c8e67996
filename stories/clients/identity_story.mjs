// Roles as the AWS SDK for JavaScript v3 takes them: fromTemporaryCredentials, alone, along a chain, and refused.
import assert from "node:assert/strict";
import { GetRoleCommand, IAMClient, paginateListRoles } from "@aws-sdk/client-iam";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { ListQueuesCommand, SQSClient } from "@aws-sdk/client-sqs";
import { fromTemporaryCredentials } from "@aws-sdk/credential-providers";

const { ENDPOINT, FIRST, SECOND, ACCESS_KEY, SECRET } = process.env;
const common = { endpoint: ENDPOINT, region: "us-east-1", maxAttempts: 1 };
const masterCredentials = { accessKeyId: ACCESS_KEY, secretAccessKey: SECRET };

function session(RoleArn, more = {}, master = masterCredentials) {
  const params = { RoleArn, RoleSessionName: "js", DurationSeconds: 900, ...more };
  return fromTemporaryCredentials({ params, masterCredentials: master, clientConfig: common });
}

async function arn(credentials) {
  return (await new STSClient({ ...common, credentials }).send(new GetCallerIdentityCommand({}))).Arn;
}

const first = session(FIRST, { ExternalId: "js", Tags: [{ Key: "team", Value: "blue" }], TransitiveTagKeys: ["team"] });
assert.equal(await arn(first), "arn:aws:sts::000000000000:assumed-role/js-first/js");
const second = session(SECOND, {}, first);
assert.equal(await arn(second), "arn:aws:sts::000000000000:assumed-role/js-second/js");

// The second role may list queues because of the tag that came along, and roles, and nothing else.
await new SQSClient({ ...common, credentials: second }).send(new ListQueuesCommand({}));
const iam = new IAMClient({ ...common, credentials: second });
const names = [];
for await (const page of paginateListRoles({ client: iam, pageSize: 1 }, {})) names.push(...page.Roles.map((r) => r.RoleName));
assert.deepEqual(names, ["js-first", "js-second"]);
await assert.rejects(iam.send(new GetRoleCommand({ RoleName: "js-first" })), { name: "AccessDenied" });

await assert.rejects(arn(session(FIRST, { ExternalId: "guess" })), { name: "AccessDenied" });
await assert.rejects(arn(session(SECOND)), { name: "AccessDenied" });
console.log("the story is told");
