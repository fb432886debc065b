//! The HTTP client that real SDK clients are given: it calls [`LocalAws`] instead of the network.

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;

use crate::call::{Answer, Call};
use crate::local_aws::LocalAws;

/// Nothing happens until the future is polled, so a client that fails a call *before* it can drop the future.
#[derive(Debug, Clone)]
pub(crate) struct InProcess(pub(crate) LocalAws);

impl HttpClient for InProcess {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for InProcess {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let aws = self.0.clone();
        HttpConnectorFuture::new(async move {
            let Some(body) = request.body().bytes() else {
                return Err(ConnectorError::user(
                    "a streaming body reached the local AWS".into(),
                ));
            };
            let headers = request.headers();
            let call = Call::parse(
                headers.get("x-amz-target"),
                headers.get("authorization"),
                Bytes::copy_from_slice(body),
            );
            let answer = match call {
                Some(call) => aws.call(call).await,
                None => Answer::unknown_operation(),
            };
            response(answer)
        })
    }
}

fn response(answer: Answer) -> Result<HttpResponse, ConnectorError> {
    let status =
        StatusCode::try_from(answer.status).map_err(|e| ConnectorError::other(e.into(), None))?;
    let mut response = HttpResponse::new(status, SdkBody::from(answer.body));
    response
        .headers_mut()
        .insert("content-type", answer.content_type);
    if let Some(error) = answer.query_error {
        response.headers_mut().insert("x-amzn-query-error", error);
    }
    Ok(response)
}
