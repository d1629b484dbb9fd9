//! What differs between two models, in the form of the stream's deltas.
//!
//! `[path, field, value]` sets a field of an item, `[path, null, null]` removes the item. `path` is
//! empty for the model itself, else `collection/id`; collections are top-level arrays whose items
//! have an `id`. Ages are no part of models: readers count them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// Top-level arrays that are compared item by item.
pub const COLLECTIONS: [&str; 5] = ["sites", "lanes", "zones", "units", "alerts"];

/// Fields that change with every moment.
const AGES: [&str; 2] = ["contact_age_s", "data_age_s"];

/// The changes from one model to another, in order.
pub fn diff(old: &Value, new: &Value) -> Vec<Value> {
    let (Value::Object(old), Value::Object(new)) = (old, new) else {
        return Vec::new();
    };
    let mut changes = Vec::new();
    for (field, value) in new {
        let before = old.get(field);
        if COLLECTIONS.contains(&field.as_str()) {
            items(field, before, value, &mut changes);
        } else if before != Some(value) {
            changes.push(json!(["", field, value]));
        }
    }
    changes
}

fn items(collection: &str, old: Option<&Value>, new: &Value, changes: &mut Vec<Value>) {
    let (old, new) = (by_id(old), by_id(Some(new)));
    for id in old.keys().filter(|id| !new.contains_key(*id)) {
        changes.push(json!([format!("{collection}/{id}"), null, null]));
    }
    // In the order of the new model, so that new items are made in it.
    let mut in_order: Vec<_> = new.into_iter().collect();
    in_order.sort_by_key(|(_, (place, _))| *place);
    for (id, (_, item)) in in_order {
        let path = format!("{collection}/{id}");
        let before = old.get(&id).map(|(_, item)| *item);
        fields(&path, before, item, changes);
    }
}

fn fields(
    path: &str,
    old: Option<&Map<String, Value>>,
    new: &Map<String, Value>,
    changes: &mut Vec<Value>,
) {
    for (field, value) in new
        .iter()
        .filter(|(field, _)| !AGES.contains(&field.as_str()))
    {
        if old.and_then(|old| old.get(field)) != Some(value) {
            changes.push(json!([path, field, value]));
        }
    }
    let gone = old
        .into_iter()
        .flatten()
        .filter(|(field, value)| !new.contains_key(*field) && !value.is_null());
    for (field, _) in gone {
        changes.push(json!([path, field, null]));
    }
}

/// Items by their id, with their place.
fn by_id(collection: Option<&Value>) -> BTreeMap<String, (usize, &Map<String, Value>)> {
    let items = collection.and_then(Value::as_array);
    items
        .into_iter()
        .flatten()
        .enumerate()
        .filter_map(|(place, item)| {
            let item = item.as_object()?;
            let id = match item.get("id")? {
                Value::String(id) => id.clone(),
                Value::Number(id) => id.to_string(),
                _ => return None,
            };
            Some((id, (place, item)))
        })
        .collect()
}

#[cfg(test)]
mod tests;
