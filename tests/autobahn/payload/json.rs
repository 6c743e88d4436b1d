//! Records in JSON, with the same keys again and again and few values.

use super::corpora::{filled, pick};
use crate::random::Random;

const LENGTH: usize = 194_056;

const CITIES: [&str; 8] =
    ["Łódź", "Malmö", "Porto", "Ghent", "Brno", "Besançon", "Kaunas", "Trieste"];
const STATES: [&str; 4] = ["running", "running", "stopped", "waiting"];
const UNITS: [&str; 3] = ["pumps", "valves", "sensors"];

pub(super) fn octets() -> Vec<u8> {
    let mut random = Random::new(1);
    filled("{\"stations\": [", "\n]}\n", LENGTH, |index| {
        let comma = if index == 0 { "" } else { "," };
        format!("{comma}\n{}", station(&mut random, index)).into_bytes()
    })
}

fn station(random: &mut Random, index: usize) -> String {
    let id = 10_000 + index;
    let city = pick(random, &CITIES);
    let units = UNITS.map(|name| unit(random, name)).join(",\n");
    format!(
        r#"    {{
        "station": {{
            "identifier": "station-{id}",
            "city": "{city}",
            "maintained": true,
            "parent": null
        }},
        "units": {{
{units}
        }}
    }}"#
    )
}

fn unit(random: &mut Random, name: &str) -> String {
    let state = pick(random, &STATES);
    let (count, load) = (random.below(4), random.below(100));
    format!(
        r#"            "{name}": {{
                "state": "{state}",
                "count": {count},
                "average_load": 0.{load:02},
                "warnings": [],
                "acknowledged": false
            }}"#
    )
}
