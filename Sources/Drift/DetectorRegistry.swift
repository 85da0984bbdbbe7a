import Components

/// The drift detectors there are. Adding one is one file and one line here.
public enum DetectorRegistry {
    public static let all: [DetectorDescriptor] = [
        ADWIN.descriptor,
        DDM.descriptor,
        EDDM.descriptor,
        HDDMA.descriptor,
        HDDMW.descriptor,
        PageHinkley.descriptor,
        KSWIN.descriptor,
        CUSUM.descriptor,
        RDDM.descriptor,
        STEPD.descriptor,
    ]

    public static func find(_ name: String) throws(SettingError) -> DetectorDescriptor {
        if let found = all.first(where: { $0.descriptor.name == name }) { return found }
        throw SettingError("there is no detector '\(name)'" + didYouMean(name, all.map(\.descriptor.name)))
    }
}

extension DetectorDescriptor {
    /// Makes one from its fields, over what the preset sets, over the defaults.
    public func make(fields: [String: String], preset: String, seed: UInt64) throws(SettingError) -> any DriftDetector {
        try make(Hyperparameters(descriptor, preset: presets[preset] ?? [:], given: fields), seed)
    }
}
