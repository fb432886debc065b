//! The two ways out of a function, with the seam across them: the SDK's HTTP client and the way to CRMs.

use aws_smithy_runtime_api::{
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings,
            SharedHttpClient, SharedHttpConnector,
        },
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use hub_engine::{Transport, TransportError, transport::CALL_TIMEOUT};
use hub_world::Between;
use tower::{ServiceExt, service_fn, util::BoxCloneSyncService};

use crate::{
    describe::{self, FUNCTIONS},
    marker::Versions,
    seam::{Failing, Seam, said},
    tamper::Tampered,
};

const AWS: Failing<HttpResponse, ConnectorError> = Failing {
    // A service that says it could not do it: for the client the same as a connection that was refused.
    not_sent: || internal_error(),
    broken: || Err(ConnectorError::io("the connection broke".into())),
    refused: || internal_error(),
    timeout: None,
    word: |answer| match answer {
        Ok(answer) => answer.status().as_u16().to_string(),
        Err(error) => error.to_string(),
    },
};

const CRM: Failing<http::Response<Bytes>, TransportError> = Failing {
    not_sent: || Err(TransportError::NotSent("connection refused".to_owned())),
    broken: || Err(TransportError::Lost("the connection broke".to_owned())),
    refused: || {
        let page = Bytes::from_static(b"<html><h1>502 Bad Gateway</h1></html>");
        let mut answer = http::Response::new(page);
        *answer.status_mut() = http::StatusCode::BAD_GATEWAY;
        Ok(answer)
    },
    timeout: Some(CALL_TIMEOUT),
    word: |answer| match answer {
        Ok(answer) => answer.status().as_u16().to_string(),
        Err(error) => error.to_string(),
    },
};

fn internal_error() -> Result<HttpResponse, ConnectorError> {
    let status = StatusCode::try_from(500_u16);
    let status = status.map_err(|error| ConnectorError::other(error.into(), None))?;
    let body = r#"{"__type":"InternalServerError","message":"a fault of the laboratory"}"#;
    let mut answer = HttpResponse::new(status, SdkBody::from(body));
    answer
        .headers_mut()
        .insert("content-type", "application/x-amz-json-1.0");
    Ok(answer)
}

impl Between for Seam {
    fn aws(&self, identity: &str, client: SharedHttpClient) -> SharedHttpClient {
        let Some(function) = FUNCTIONS.iter().find(|function| **function == identity) else {
            return client;
        };
        SharedHttpClient::new(Client {
            function,
            seam: self.clone(),
            behind: client,
        })
    }

    fn out(&self, identity: &str, transport: Transport) -> Transport {
        let Some(function) = FUNCTIONS.iter().find(|function| **function == identity) else {
            return transport;
        };
        let seam = self.clone();
        BoxCloneSyncService::new(service_fn(move |request: http::Request<Bytes>| {
            let (seam, transport) = (seam.clone(), transport.clone());
            async move {
                let text = describe::out(function, &request);
                let request = match seam.forge() {
                    Some(forge) => forge(request),
                    None => request,
                };
                let said = said(request.body());
                seam.pass(&text, said, transport.oneshot(request), &CRM)
                    .await
            }
        }))
    }
}

#[derive(Debug, Clone)]
struct Client {
    function: &'static str,
    seam: Seam,
    behind: SharedHttpClient,
}

impl HttpClient for Client {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector {
            function: self.function,
            seam: self.seam.clone(),
            behind: self.behind.http_connector(settings, components),
        })
    }
}

#[derive(Debug)]
struct Connector {
    function: &'static str,
    seam: Seam,
    behind: SharedHttpConnector,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (function, seam) = (self.function, self.seam.clone());
        let connector = self.behind.clone();
        HttpConnectorFuture::new(async move {
            let text = describe::aws(function, &request);
            let mut request = request;
            if let Some(tamper) = seam.tamper() {
                match tamper(&text, request) {
                    Tampered::Goes(changed) => request = *changed,
                    Tampered::Answered(answer) => return Ok(*answer),
                }
            }
            let effect = async move { connector.call(request).await };
            seam.pass(&text, Versions::new(), effect, &AWS).await
        })
    }
}
