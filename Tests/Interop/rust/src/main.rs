//! Calls fnrpc.v1.Diagnostics/Echo with the Rust ttrpc client: does a second client that we did not write understand us?
//!
//!     interop SOCKET

use std::os::unix::io::IntoRawFd;
use std::os::unix::net::UnixStream;
use std::{env, process, thread};

const CALLERS: usize = 64;
const CALLS_PER_CALLER: usize = 200;
const TIMEOUT_NANOS: i64 = 30_000_000_000;

/// Field 1 of an EchoMessage.
fn encode(payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x0a];
    let mut rest = payload.len();
    while rest > 0x7f {
        bytes.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
    bytes.extend_from_slice(payload);
    bytes
}

fn call(client: &ttrpc::Client, service: &str, method: &str, payload: Vec<u8>) -> ttrpc::Result<Vec<u8>> {
    let mut request = ttrpc::Request::new();
    request.set_service(service.to_string());
    request.set_method(method.to_string());
    request.set_timeout_nano(TIMEOUT_NANOS);
    request.set_payload(payload);
    Ok(client.request(request)?.payload)
}

fn echo(client: &ttrpc::Client, payload: &[u8]) -> Result<(), String> {
    let sent = encode(payload);
    match call(client, "fnrpc.v1.Diagnostics", "Echo", sent.clone()) {
        Ok(answer) if answer == sent => Ok(()),
        Ok(answer) => Err(format!("sent {} bytes, got {} others", sent.len(), answer.len())),
        Err(error) => Err(format!("{error:?}")),
    }
}

fn expect(code: ttrpc::Code, result: ttrpc::Result<Vec<u8>>) -> Result<(), String> {
    match result {
        Err(ttrpc::Error::RpcStatus(status)) if status.get_code() == code => Ok(()),
        other => Err(format!("{other:?} instead of {code:?}")),
    }
}

fn concurrent(client: &ttrpc::Client) -> Result<(), String> {
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let client = client.clone();
            thread::spawn(move || {
                (0..CALLS_PER_CALLER).try_for_each(|call| echo(&client, format!("caller {caller} call {call}").as_bytes()))
            })
        })
        .collect();
    callers.into_iter().try_for_each(|caller| caller.join().map_err(|_| "a caller panicked".to_string())?)
}

fn step(name: &str, result: Result<(), String>) {
    match result {
        Ok(()) => println!("OK {name}"),
        Err(why) => {
            eprintln!("FAILED {name}: {why}");
            process::exit(1);
        }
    }
}

fn main() {
    let Some(socket) = env::args().nth(1) else {
        eprintln!("usage: interop SOCKET");
        process::exit(2);
    };
    let stream = match UnixStream::connect(&socket) {
        Ok(stream) => stream,
        Err(error) => {
            eprintln!("{socket}: {error}");
            process::exit(1);
        }
    };
    let client = ttrpc::Client::new(stream.into_raw_fd());
    step("Echo", echo(&client, b"hello from Rust"));
    step("Echo of nothing", echo(&client, b""));
    step("Echo of 1 MiB", echo(&client, &vec![7; 1 << 20]));
    step(
        "unknown method is Unimplemented",
        expect(ttrpc::Code::UNIMPLEMENTED, call(&client, "fnrpc.v1.Diagnostics", "NoSuchMethod", vec![])),
    );
    step("unknown service is Unimplemented", expect(ttrpc::Code::UNIMPLEMENTED, call(&client, "no.such.Service", "Echo", vec![])));
    step("the connection lives on", echo(&client, b"still here"));
    step("64 callers on one connection", concurrent(&client));
}
