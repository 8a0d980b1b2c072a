//! How long it takes to find places for a gang.

use mesos::resources::Resources;
use mesosgot_scheduler::placement::{Site, Want, place};
use mesosgot_scheduler::{
    Attribute, AttributeValue, Certainty, Constraint, Operator, Pattern, Strategy,
};

fn main() {
    exactness();
    divan::main();
}

/// 10,000 tasks in 20 groups, a third of them with constraints, on 1,000 agents in 20 racks.
#[divan::bench(args = [Strategy::Pack, Strategy::Spread])]
fn ten_thousand_tasks_on_a_thousand_agents(bencher: divan::Bencher<'_, '_>, strategy: Strategy) {
    let mut rng = fastrand::Rng::with_seed(1);
    let groups: Vec<Group> = (0..20)
        .map(|number| Group {
            count: 500,
            resources: resources(rng.f64() * 0.9 + 0.1, rng.f64() * 480.0 + 32.0),
            constraints: match number % 6 {
                0 => vec![constraint("rack", Operator::MaxPer(40))],
                3 => vec![constraint("zone", Operator::Like(pattern("eu-.*")))],
                _ => Vec::new(),
            },
        })
        .collect();
    let sites: Vec<Site> = (0..1000)
        .map(|number| site(number, &mut rng, 16.0))
        .collect();
    let wants: Vec<Want<'_>> = groups.iter().map(Group::want).collect();
    let executor = resources(0.1, 64.0);
    assert!(place(&wants, &executor, &sites, strategy).is_ok());
    bencher.bench(|| place(&wants, &executor, &sites, strategy).is_ok());
}

/// As many agents, half as large, for twice as many tasks, one group of them evenly on racks: it
/// does not fit, and that is explained or not.
#[divan::bench(sample_count = 20, args = [false, true])]
fn twenty_thousand_tasks_too_many(bencher: divan::Bencher<'_, '_>, explained: bool) {
    let mut rng = fastrand::Rng::with_seed(1);
    let groups: Vec<Group> = (0..20)
        .map(|number| Group {
            count: 1000,
            resources: resources(rng.f64() * 0.9 + 0.1, rng.f64() * 480.0 + 512.0),
            constraints: match number {
                0 => vec![constraint("rack", Operator::GroupBy(5))],
                _ => Vec::new(),
            },
        })
        .collect();
    let sites: Vec<Site> = (0..1000)
        .map(|number| site(number, &mut rng, 8.0))
        .collect();
    let wants: Vec<Want<'_>> = groups.iter().map(Group::want).collect();
    let executor = resources(0.1, 64.0);
    assert!(place(&wants, &executor, &sites, Strategy::Pack).is_err());
    bencher.bench(|| {
        let misfit = place(&wants, &executor, &sites, Strategy::Pack).expect_err("too many");
        explained.then(|| misfit.explain(&wants, &executor, &sites, Strategy::Pack))
    });
}

/// 1,000 random gangs of 64 tasks: how long each takes, and how often the answer is not certain.
#[expect(clippy::print_stdout, reason = "that is what a bench is for")]
#[expect(clippy::disallowed_methods, reason = "a bench needs a clock")]
fn exactness() {
    let mut rng = fastrand::Rng::with_seed(2);
    let (mut times, mut cpu_times) = (Vec::new(), Vec::new());
    let (mut placed, mut impossible) = (0, 0);
    for _ in 0..1000 {
        let agents = rng.usize(8..32);
        let groups = random_gang(&mut rng);
        let asked: f64 = groups
            .iter()
            .map(|group| f64::from(group.count) * group.resources.scalar("cpus").to_f64())
            .sum();
        // From a fifth too little to half too much.
        let cpus = asked / agents as f64 * (0.8 + rng.f64() * 0.7) + 0.1;
        let sites: Vec<Site> = (0..agents)
            .map(|number| site(number, &mut rng, cpus))
            .collect();
        let wants: Vec<Want<'_>> = groups.iter().map(Group::want).collect();
        let (start, start_cpu) = (std::time::Instant::now(), cpu());
        let executor = resources(0.1, 64.0);
        let answer = place(&wants, &executor, &sites, Strategy::Pack)
            .map_err(|misfit| misfit.explain(&wants, &executor, &sites, Strategy::Pack));
        times.push(start.elapsed());
        cpu_times.push(cpu() - start_cpu);
        match answer {
            Ok(_) => placed += 1,
            Err(shortfall) if shortfall.certainty == Certainty::Impossible => impossible += 1,
            Err(_) => {}
        }
    }
    times.sort_unstable();
    cpu_times.sort_unstable();
    println!(
        "64 tasks, 1,000 random cases: {placed} placed, {impossible} impossible, {} given up\n\
         by the clock: median {:?}, 99th percentile {:?}, most {:?}\n\
         on the processor: 99th percentile {:?}, most {:?}",
        1000 - placed - impossible,
        times[500],
        times[990],
        times[999],
        cpu_times[990],
        cpu_times[999],
    );
}

/// The time that this thread has been on a processor, which other programs do not make longer by
/// much; some kernels count it in steps of milliseconds. Nothing where the system does not tell.
fn cpu() -> std::time::Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = told.split(' ').next().and_then(|word| word.parse().ok());
    std::time::Duration::from_nanos(nanos.unwrap_or_default())
}

/// A gang of 64 tasks in 4 to 12 groups; half of the groups have a constraint.
fn random_gang(rng: &mut fastrand::Rng) -> Vec<Group> {
    let number = rng.u32(4..=12);
    let mut groups: Vec<Group> = (0..number)
        .map(|_| Group {
            count: 1,
            resources: resources(rng.f64() * 1.9 + 0.1, rng.f64() * 1900.0 + 100.0),
            constraints: match rng.u32(0..12) {
                0 => vec![constraint("hostname", Operator::MaxPer(rng.u32(1..4)))],
                1 => vec![constraint("rack", Operator::MaxPer(rng.u32(2..6)))],
                2 => vec![constraint("zone", Operator::Is("eu-1".to_owned()))],
                3 => vec![constraint("zone", Operator::Like(pattern("eu-.*")))],
                4 => vec![constraint("zone", Operator::Unlike(pattern("us-.*")))],
                5 => vec![constraint("zone", Operator::GroupBy(rng.u32(2..4)))],
                _ => Vec::new(),
            },
        })
        .collect();
    for _ in number..64 {
        let group = rng.usize(0..groups.len());
        groups[group].count += 1;
    }
    groups
}

struct Group {
    count: u32,
    resources: Resources,
    constraints: Vec<Constraint>,
}

impl Group {
    fn want(&self) -> Want<'_> {
        Want {
            group: "g",
            count: self.count,
            resources: &self.resources,
            constraints: &self.constraints,
            colocate: false,
            beside: Vec::new(),
        }
    }
}

/// An agent of 0.5 to 1.5 times so many cpus, and 1 GiB for each, in one of 20 racks and 4 zones.
fn site(number: usize, rng: &mut fastrand::Rng, cpus: f64) -> Site {
    let cpus = cpus * (0.5 + rng.f64());
    let text = |name: &str, value: String| Attribute {
        name: name.to_owned(),
        value: AttributeValue::Text(value),
    };
    let zone = ["eu-1", "eu-2", "us-1", "us-2"][rng.usize(0..4)];
    Site {
        agent: format!("agent-{number}").as_str().into(),
        hostname: format!("host-{number}"),
        attributes: vec![
            text("rack", format!("r{}", rng.u32(0..20))),
            text("zone", zone.to_owned()),
        ],
        role: "*".to_owned(),
        offers: Vec::new(),
        resources: resources(cpus, cpus * 1024.0 + 64.0),
    }
}

fn resources(cpus: f64, mem: f64) -> Resources {
    Resources::parse(&format!("cpus:{cpus:.1};mem:{mem:.0}")).expect("it is well formed")
}

fn constraint(field: &str, operator: Operator) -> Constraint {
    Constraint {
        field: field.to_owned(),
        operator,
    }
}

fn pattern(text: &str) -> Pattern {
    Pattern::new(text).expect("it is well formed")
}
