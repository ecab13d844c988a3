// Sends identify, track and group through a crate: rudderstack|segment URL WRITE_KEY USER
use std::env;

use rudderanalytics::client::RudderAnalytics;
use rudderanalytics::message as rudder;
use segment::message as plain;
use segment::{Client, HttpClient};
use serde_json::json;

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn rudderstack(url: &str, write_key: &str, user: &str) -> Outcome {
    let client = RudderAnalytics::load(write_key.to_string(), url.to_string());
    let user_id = Some(user.to_string());
    client.send(&rudder::Message::Identify(rudder::Identify {
        user_id: user_id.clone(),
        traits: Some(json!({ "email": format!("{user}@site.test"), "firstName": "Ann" })),
        ..Default::default()
    }))?;
    client.send(&rudder::Message::Track(rudder::Track {
        user_id: user_id.clone(),
        event: "Order Completed".to_string(),
        properties: Some(json!({ "order": user, "revenue": 20.5 })),
        ..Default::default()
    }))?;
    client.send(&rudder::Message::Group(rudder::Group {
        user_id,
        group_id: format!("g-{user}"),
        traits: Some(json!({ "name": format!("Acme {user}"), "website": format!("https://{user}.test") })),
        ..Default::default()
    }))?;
    Ok(())
}

async fn segment(url: &str, write_key: &str, user: &str) -> Outcome {
    let client = HttpClient::new(reqwest::Client::new(), url.to_string());
    let sender = plain::User::UserId { user_id: user.to_string() };
    let messages: Vec<segment::Message> = vec![
        plain::Identify {
            user: sender.clone(),
            traits: json!({ "email": format!("{user}@site.test"), "firstName": "Ann" }),
            ..Default::default()
        }
        .into(),
        plain::Track {
            user: sender.clone(),
            event: "Order Completed".to_string(),
            properties: json!({ "order": user, "revenue": 20.5 }),
            ..Default::default()
        }
        .into(),
        plain::Group {
            user: sender,
            group_id: format!("g-{user}"),
            traits: json!({ "name": format!("Acme {user}"), "website": format!("https://{user}.test") }),
            ..Default::default()
        }
        .into(),
    ];
    for message in messages {
        client.send(write_key.to_string(), message).await?;
    }
    Ok(())
}

fn main() -> Outcome {
    let given: Vec<String> = env::args().collect();
    let (url, write_key, user) = (&given[2], &given[3], &given[4]);
    if given[1] == "rudderstack" {
        return rudderstack(url, write_key, user);
    }
    tokio::runtime::Runtime::new()?.block_on(segment(url, write_key, user))
}
