"""Users, roles and policies for the identity stories."""

import json


def policy(*statements):
    """A policy document as text."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action, resource="*", **more):
    """An Allow statement for identity policies."""
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action, resource="*", **more):
    """A Deny statement for identity policies."""
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


class Person:
    """An IAM user with one access key. `service(name)` gives a client that signs with it."""

    def __init__(self, cloud, iam, name, path="/"):
        self.cloud, self.iam, self.name = cloud, iam, name
        self.arn = iam.create_user(UserName=name, Path=path)["User"]["Arn"]
        self.key = iam.create_access_key(UserName=name)["AccessKey"]

    def service(self, service, **extra):
        return self.cloud.client(service, key=self.key["AccessKeyId"], secret=self.key["SecretAccessKey"], **extra)

    def put(self, name, *statements):
        """Sets an inline policy."""
        self.iam.put_user_policy(UserName=self.name, PolicyName=name, PolicyDocument=policy(*statements))

    def drop(self, name):
        """Removes an inline policy."""
        self.iam.delete_user_policy(UserName=self.name, PolicyName=name)


def trust(principal, action="sts:AssumeRole", **condition):
    """A trust policy with one Allow statement; `condition` is given by operators."""
    statement = {"Effect": "Allow", "Principal": principal, "Action": action}
    return policy({**statement, "Condition": condition} if condition else statement)


def make_role(iam, name, document, *statements, **more):
    """A role with this trust policy, and an inline policy `p` of the statements. Gives its ARN."""
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document, **more)["Role"]["Arn"]
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy(*statements))
    return role


def session(cloud, credentials, service="sqs", **extra):
    """A client that signs with temporary credentials as STS gives them."""
    key, secret = credentials["AccessKeyId"], credentials["SecretAccessKey"]
    return cloud.client(service, key=key, secret=secret, token=credentials["SessionToken"], **extra)


def assume(sts, role, name="session", **more):
    """The credentials of a session of a role."""
    return sts.assume_role(RoleArn=role, RoleSessionName=name, **more)["Credentials"]


def no_identity_policy(who, action, resource):
    """SQS's text when nothing allows. AWS: SQS writes its actions in lower case there, as its users' logs show."""
    action = action.lower()
    return (
        f"User: {who} is not authorized to perform: {action} on resource: {resource} "
        f"because no identity-based policy allows the {action} action"
    )


def explicit_deny(who, action, resource, where="an identity-based"):
    """SQS's text when a statement denies."""
    return (
        f"User: {who} is not authorized to perform: {action.lower()} on resource: {resource} "
        f"with an explicit deny in {where} policy"
    )
