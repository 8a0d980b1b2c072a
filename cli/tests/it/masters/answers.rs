//! Masters that answer what no master says, or that do not go on with us.

use expect_test::expect;

use super::*;

#[test]
fn a_page_in_place_of_a_stream() {
    let page = b"<html><head><title>Welcome</title></head></html>";
    check_answers(
        vec![answer("200 OK", "text/html", page)],
        &expect![[r#"
        exit 3
        unreachable
        master `ADDRESS`: no master has taken the subscription: `http://ADDRESS/api/v1/scheduler` does not answer as Mesos does: the type of what it sends is `text/html`, not `application/x-protobuf`
        help: is that the address of a Mesos master? its port is 5050 unless it was told another
    "#]],
    );
    check_answers(
        vec![answer("404 Not Found", "text/html", page)],
        &expect![[r#"
            exit 3
            unreachable
            master `ADDRESS`: no master has taken the subscription: `http://ADDRESS/api/v1/scheduler` does not serve now, status 404: a web page titled `Welcome`
            help: is that the address of a Mesos master? its port is 5050 unless it was told another
        "#]],
    );
    check_answers(
        vec![answer("405 Method Not Allowed", "text/html", page)],
        &expect![[r#"
            exit 3
            refused
            master `ADDRESS`: the SUBSCRIBE call was refused with status 405: a web page titled `Welcome`
            help: is that the address of a Mesos master of version 1.0 or later?
        "#]],
    );
}

#[test]
fn a_stream_that_makes_no_sense() {
    check_answers(
        vec![stream(b"99999999999\n")],
        &expect![[r#"
        exit 3
        unreachable
        master `ADDRESS`: no master has taken the subscription: the stream is malformed: record is larger than 134217728 bytes
        help: is that the address of a Mesos master? its port is 5050 unless it was told another
    "#]],
    );
    check_answers(
        vec![stream(b"4\n\xff\xff\xff\xff")],
        &expect![[r#"
        exit 3
        unreachable
        master `ADDRESS`: no master has taken the subscription: the stream is malformed: failed to decode Protobuf message: invalid varint
        help: is that the address of a Mesos master? its port is 5050 unless it was told another
    "#]],
    );
    check_answers(
        vec![stream(b"<html>")],
        &expect![[r#"
        exit 3
        unreachable
        master `ADDRESS`: no master has taken the subscription: the stream is malformed: record length has the byte 0x3c where a digit was expected
        help: is that the address of a Mesos master? its port is 5050 unless it was told another
    "#]],
    );
    check_answers(
        vec![stream(b"100\nabc")],
        &expect![[r#"
            exit 3
            unreachable
            master `ADDRESS`: no master has taken the subscription: the stream broke off: it ended within a record
            help: does something between here and the master cut connections, or hold them up?
        "#]],
    );
}

#[test]
fn a_stream_that_makes_no_sense_after_a_while() {
    let broken = [subscribed(), b"99999999999\n".to_vec()].concat();
    check_answers(
        vec![stream(&broken)],
        &expect![[r#"
            exit 4
            never_placed
            no agent offers anything; the connection to the master was lost meanwhile: the stream is malformed: record is larger than 134217728 bytes
            help: the log of the master, or of a proxy on the way to it, may say more
        "#]],
    );
}

#[test]
fn a_framework_that_was_removed() {
    let removed = || stream(&error("Framework has been removed"));
    check_answers(
        vec![removed()],
        &expect![[r#"
        exit 3
        refused
        master `ADDRESS`: the framework has been removed
        help: somebody tore it down, or the master did not hear of it for longer than `cluster.failover_timeout`; run the job again
    "#]],
    );
    // In its midst.
    check_answers(
        vec![stream(&subscribed()), removed()],
        &expect![[r#"
        exit 3
        refused
        master `ADDRESS`: the framework has been removed
        help: somebody tore it down, or the master did not hear of it for longer than `cluster.failover_timeout`; run the job again
    "#]],
    );
    let failed_over = [subscribed(), error("Framework failed over")].concat();
    check_answers(
        vec![stream(&failed_over)],
        &expect![[r#"
        exit 3
        refused
        master `ADDRESS`: another scheduler has taken over this framework
        help: only one scheduler can speak for a framework; end the other
    "#]],
    );
}
