//! The little HTTP that programs on this machine are asked by.

use std::time::Duration;

use anyhow::Context;
use serde_json::Value;

/// Result of one JSON-RPC request without parameters over HTTP.
pub(crate) async fn rpc<T: serde::de::DeserializeOwned>(url: &str, method: &str) -> anyhow::Result<T> {
    let mut answer = request(url, method, Value::Array(Vec::new())).await?;
    Ok(serde_json::from_value(answer["result"].take())?)
}

/// Whole answer to one JSON-RPC request over HTTP: with a result or an error.
pub(crate) async fn request(url: &str, method: &str, params: Value) -> anyhow::Result<Value> {
    post(url, &envelope(method, &params)).await
}

/// Whole answers to JSON-RPC requests that travel together.
pub(crate) async fn requests(url: &str, method: &str, params: &[Value]) -> anyhow::Result<Vec<Value>> {
    let batch = params.iter().map(|params| envelope(method, params)).collect();
    match post(url, &Value::Array(batch)).await? {
        Value::Array(answers) => Ok(answers),
        other => anyhow::bail!("the node answered a batch of {method} by {other}"),
    }
}

fn envelope(method: &str, params: &Value) -> Value {
    serde_json::json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params })
}

async fn post(url: &str, body: &Value) -> anyhow::Result<Value> {
    let port: u16 = url.rsplit(':').next().context("no port")?.parse()?;
    let body = body.to_string();
    let head = format!(
        "Content-Type: application/json\r\nContent-Length: {}\r\n",
        body.len()
    );
    Ok(serde_json::from_str(
        &http(port, "POST", "/", &head, &body).await?,
    )?)
}

pub(crate) async fn http_get(port: u16, path: &str) -> anyhow::Result<String> {
    http(port, "GET", path, "", "").await
}

/// One HTTP/1.0 exchange with a program of this machine; returns the body.
async fn http(port: u16, method: &str, path: &str, head: &str, body: &str) -> anyhow::Result<String> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let exchange = async {
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
        let request = format!("{method} {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n{head}\r\n{body}");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let (head, body) = answer.split_once("\r\n\r\n").context("no HTTP answer")?;
        let status = head.split_whitespace().nth(1).context("no HTTP status")?;
        anyhow::ensure!(status == "200", "HTTP status {status} of {path}");
        Ok(body.to_owned())
    };
    tokio::time::timeout(Duration::from_secs(30), exchange).await?
}
