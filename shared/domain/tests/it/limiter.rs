#[path = "../../../../local/hub/src/bench/limits.rs"]
mod sim;
#[test]
#[allow(clippy::all)]
fn sim_figures() {
    for shape in sim::shapes() {
        let t = std::time::Instant::now();
        let f = sim::run(&shape, 30, 8);
        println!("{:45} util {:.4} refused {:4} ({:.2}/1000) writes {:.4} reads {:.3} bytes {} fair {:.2} {:?}", shape.name(), f.utilisation, f.refused, f.refused_per_1000, f.writes_per_call, f.reads_per_call, f.item_bytes, f.fairness, t.elapsed());
    }
}
