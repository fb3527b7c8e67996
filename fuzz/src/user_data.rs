//! User data: parts, MIME, gzip, cloud-config.

/// User data that gets far.
pub const SEEDS: &[&[u8]] = &[
    b"#!/bin/sh\necho hi\n",
    b"Content-Type: multipart/mixed; boundary=B\n\n--B\nContent-Type: text/x-shellscript\nContent-Transfer-Encoding: base64\n\nIyEvYmluL3NoCg==\n--B\nContent-Type: multipart/mixed; boundary=\"C\"\n\n--C\nContent-Transfer-Encoding: quoted-printable\n\n#cloud-config=0Aa: 1\n--C--\n--B--\n",
    b"#cloud-config\nusers:\n- default\n- {name: ann, groups: [adm], sudo: 'ALL=(ALL) ALL', ssh_authorized_keys: [k], passwd: x, uid: 5}\ngroups: [a, {b: [ann]}]\nwrite_files:\n- {path: /x, content: SGk=, encoding: gz+b64, permissions: 0644, owner: a, append: yes}\nruncmd: [a, [b, 1], null, {c: d}]\nbootcmd: &x [e]\npackages: [f, [g, 1]]\nchpasswd: {list: \"a:b\", users: [{name: a, password: b, type: text}]}\npower_state: {mode: reboot, delay: +5, condition: [true]}\nhostname: h\nfqdn: h.e\nmanage_etc_hosts: true\ntimezone: UTC\nfinal_message: m\n",
    b"#include\nhttp://example.com/\n",
    b"IyEvYmluL3NoCg==",
    b"\x1f\x8b\x08\x08\0\0\0\0\0\x03x\0K\x04\0C\xbe\xb7\xe8\x01\0\0\0",
];

/// Makes the plan, which is never longer than it may be.
pub fn plan(input: &[u8]) {
    let plan = yakumo_user_data::plan(input, "ec2-user");
    let bytes = plan.script.len() + plan.files.iter().map(|(_, content)| content.len()).sum::<usize>();
    assert!(bytes <= yakumo_user_data::BYTES_MAX, "a plan has {bytes} bytes");
}
