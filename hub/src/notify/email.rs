//! E-mail over SMTP.

use std::{error::Error, fs, time::Duration};

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, Tls as Wire, TlsParameters},
    },
};

use super::{
    Text,
    channel::{refused, retry},
};
use crate::{
    config::{Email, Secret, Tls},
    core::paging::{Dispatch, Failure},
};

/// A way to a mail server.
#[derive(Debug)]
pub(super) struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Mailer {
    pub(super) fn new(settings: &Email) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let tls = || -> Result<TlsParameters, Box<dyn Error + Send + Sync>> {
            let mut tls = TlsParameters::builder(settings.host.clone());
            if let Some(path) = &settings.ca {
                let pem = fs::read(path).map_err(|error| format!("cannot read {path}: {error}"))?;
                tls = tls.add_root_certificate(Certificate::from_pem(&pem)?);
            }
            Ok(tls.build_rustls()?)
        };
        let wire = match settings.tls {
            Tls::Always => Wire::Wrapper(tls()?),
            Tls::StartTls => Wire::Required(tls()?),
            Tls::Never => Wire::None,
        };
        // What is dangerous in it is TLS, which is set at once.
        let mut builder =
            AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(settings.host.clone())
                .port(settings.port)
                .tls(wire)
                .timeout(Some(Duration::from_secs(20)));
        if let Some((user, Secret(password))) = &settings.login {
            builder = builder.credentials(Credentials::new(user.clone(), password.clone()));
        }
        Ok(Self {
            transport: builder.build(),
            from: settings.from.parse()?,
        })
    }

    pub(super) async fn send(&self, dispatch: &Dispatch, text: &Text) -> Result<String, Failure> {
        let to = dispatch.address.to.as_deref().unwrap_or_default();
        let to: Mailbox = to
            .parse()
            .map_err(|_| refused("the recipient has no e-mail address in `to`"))?;
        let domain = self.from.email.domain();
        // The same message again has the same id, so that mail programs can put the two together.
        let message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(text.title.clone())
            .message_id(Some(format!("<gatepost-{}@{domain}>", text.id)))
            .header(ContentType::TEXT_PLAIN)
            .body(text.body.clone())
            .map_err(|error| refused(error.to_string()))?;
        match self.transport.send(message).await {
            Ok(answer) => Ok(answer.message().next().unwrap_or_default().to_owned()),
            Err(error) => {
                let why = crate::engine::chain(&error);
                Err(if error.is_permanent() {
                    refused(why)
                } else {
                    retry(why)
                })
            }
        }
    }
}
