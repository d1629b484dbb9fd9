use proptest::prelude::*;

use super::*;

/// What a page does with a delta.
fn apply(model: &mut Value, changes: &[Value]) {
    for change in changes {
        let path = change[0].as_str().unwrap();
        let Some((collection, id)) = path.split_once('/') else {
            model[change[1].as_str().unwrap()] = change[2].clone();
            continue;
        };
        let items = model[collection].as_array_mut().unwrap();
        let is_it = |item: &Value| match &item["id"] {
            Value::String(text) => text == id,
            number => number.as_u64() == id.parse().ok(),
        };
        let place = items.iter().position(is_it);
        let Some(field) = change[1].as_str() else {
            items.remove(place.unwrap());
            continue;
        };
        let place = place.unwrap_or_else(|| {
            let number = id.parse::<u64>().map(Value::from);
            items.push(json!({ "id": number.unwrap_or_else(|_| id.into()) }));
            items.len() - 1
        });
        items[place][field] = change[2].clone();
    }
}

#[test]
fn deltas_name_what_differs_and_nothing_else() {
    let old = json!({
        "id": "s", "headcount": 3, "local_date": "2026-11-23",
        "lanes": [{"id": "people", "in": 3, "out": 1}, {"id": "goods", "in": 0}],
        "alerts": [{"id": 7, "state": "raised"}],
    });
    let new = json!({
        "id": "s", "headcount": 4, "local_date": "2026-11-23",
        "lanes": [{"id": "people", "in": 4, "out": 1}, {"id": "goods", "in": 0}],
        "alerts": [{"id": 9, "state": "raised"}],
    });
    let changes = [
        json!(["", "headcount", 4]),
        json!(["lanes/people", "in", 4]),
        json!(["alerts/7", null, null]),
        json!(["alerts/9", "id", 9]),
        json!(["alerts/9", "state", "raised"]),
    ];
    assert_eq!(diff(&old, &new), changes);
    assert_eq!(diff(&new, &new), [Value::Null; 0]);
}

#[test]
fn ages_are_counted_by_readers() {
    let unit = |age| json!({"units": [{"id": "gate-1", "contact_age_s": age, "data_age_s": age}]});
    assert_eq!(diff(&unit(1.0), &unit(2.0)), [Value::Null; 0]);
}

fn item() -> impl Strategy<Value = BTreeMap<String, u8>> {
    prop::collection::btree_map("[abc]", 0_u8..3, 0..3)
}

/// A model with items under ids that are texts or numbers, in any order.
fn model() -> impl Strategy<Value = Value> {
    let items = || prop::collection::btree_map(0_u8..5, item(), 0..5);
    (items(), items(), item(), any::<bool>()).prop_map(|(lanes, alerts, own, turned)| {
        let list = |items: BTreeMap<u8, BTreeMap<String, u8>>, is_text: bool| {
            let mut list: Vec<Value> = items
                .into_iter()
                .map(|(id, fields)| {
                    let mut item = json!(fields);
                    item["id"] = if is_text {
                        json!(format!("lane-{id}"))
                    } else {
                        json!(id)
                    };
                    item
                })
                .collect();
            if turned {
                list.reverse();
            }
            list
        };
        // Fields of the model itself never come and go.
        json!({ "lanes": list(lanes, true), "alerts": list(alerts, false),
            "own": own.get("a"), "more": own })
    })
}

/// A model without the order of its items, and with absent fields as null.
fn sorted(model: &Value, fields: &[&str]) -> Value {
    let mut model = model.clone();
    for collection in COLLECTIONS {
        if let Some(items) = model.get_mut(collection).and_then(Value::as_array_mut) {
            items.sort_by_key(|item| item["id"].to_string());
            for item in items {
                let full: BTreeMap<&str, Value> = fields
                    .iter()
                    .map(|field| (*field, item.get(*field).cloned().unwrap_or_default()))
                    .collect();
                *item = json!(full);
            }
        }
    }
    model
}

proptest! {
    /// A page that takes the delta has what a fresh load has.
    #[test]
    fn a_delta_makes_the_new_model_of_the_old(old in model(), new in model()) {
        let mut page = old.clone();
        apply(&mut page, &diff(&old, &new));
        let fields = ["id", "a", "b", "c"];
        prop_assert_eq!(sorted(&page, &fields), sorted(&new, &fields));
        prop_assert_eq!(diff(&page, &new), [Value::Null; 0]);
    }
}
