import Components

/// Units that sources may give numbers in, by the names people write.
public enum MeasurementUnit {
    /// A unit: value * factor + offset is the number in its dimension's base unit.
    private struct Definition {
        let dimension: String
        let factor: Double
        var offset = 0.0
    }

    private static let definitions: [String: Definition] = {
        var all: [String: Definition] = [:]
        func add(_ dimension: String, _ units: [(names: String, factor: Double)]) {
            for unit in units {
                for name in unit.names.split(separator: " ") {
                    all[String(name)] = Definition(dimension: dimension, factor: unit.factor)
                }
            }
        }
        // International yard and pound (1959): exact.
        add("length", [("m meter", 1), ("km", 1e3), ("cm", 1e-2), ("mm", 1e-3), ("um", 1e-6)])
        add("length", [("in inch", 0.0254), ("ft foot", 0.3048), ("yd yard", 0.9144), ("mi mile", 1609.344)])
        add("mass", [("kg", 1), ("g gram", 1e-3), ("mg", 1e-6), ("t tonne", 1e3)])
        add("mass", [("lb pound", 0.453_592_37), ("oz ounce", 0.028_349_523_125)])
        add("time", [("s second", 1), ("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9)])
        add("time", [("min minute", 60), ("h hour", 3600), ("d day", 86_400)])
        add("speed", [("m/s", 1), ("km/h", 1 / 3.6), ("mph", 0.44704), ("knot", 1852.0 / 3600)])
        add("volume", [("l liter", 1), ("ml", 1e-3), ("m3", 1e3), ("gal", 3.785_411_784)])
        add("pressure", [("Pa", 1), ("hPa mbar", 100), ("kPa", 1e3), ("bar", 1e5), ("psi", 6894.757_293_168)])
        add("energy", [("J", 1), ("kJ", 1e3), ("Wh", 3600), ("kWh", 3.6e6), ("cal", 4.184), ("kcal", 4184)])
        add("power", [("W", 1), ("kW", 1e3), ("MW", 1e6)])
        add("share", [("ratio", 1), ("percent %", 1e-2), ("permille", 1e-3), ("ppm", 1e-6)])
        add("count", [("one", 1), ("thousand", 1e3), ("million", 1e6), ("cent cents", 1e-2)])
        add("data", [("B byte", 1), ("kB", 1e3), ("MB", 1e6), ("GB", 1e9), ("KiB", 1024), ("MiB", 1_048_576)])
        all["kelvin"] = Definition(dimension: "temperature", factor: 1)
        all["celsius"] = Definition(dimension: "temperature", factor: 1, offset: 273.15)
        all["fahrenheit"] = Definition(dimension: "temperature", factor: 5.0 / 9, offset: 459.67 * 5 / 9)
        return all
    }()

    /// What turns numbers in one unit into numbers in another: x * factor + offset.
    public static func conversion(
        from: String, to: String
    ) throws(FormatError) -> (factor: Double, offset: Double) {
        let (source, target) = (try definition(from), try definition(to))
        guard source.dimension == target.dimension else {
            throw FormatError("'\(from)' is a unit of \(source.dimension), '\(to)' one of \(target.dimension)")
        }
        return (source.factor / target.factor, (source.offset - target.offset) / target.factor)
    }

    private static func definition(_ name: String) throws(FormatError) -> Definition {
        if let found = definitions[name] { return found }
        throw FormatError("there is no unit '\(name)'" + didYouMean(name, definitions.keys.sorted()))
    }
}
