internal import Logging
internal import Loop
internal import Model
internal import Store

extension Server {
    /// How often files that a container had are tried again, seconds.
    private static let sweepSeconds = 5
    /// How often packages and uploads are looked for that nobody uses, in sweeps: an hour.
    private static let unusedSweeps = 720

    /// Removes what nobody needs of packages, until its task is cancelled.
    static func keepPackages(
        _ packages: PackageStore, _ sweeper: PackageSweeper, _ blocking: BlockingThreads, _ log: Logger
    ) async {
        var sweeps = 0
        while !Task.isCancelled {
            if sweeps % unusedSweeps == 0 {
                do throws(Failure) { try await sweeper.dropUnused() } catch {
                    log.error("packages that nobody has deployed were not removed: \(error)")
                }
                blocking.post {
                    packages.removeStaleUploads()
                    // Whoever stored files and then failed, such as an import, has left them without a row.
                    do throws(Failure) { try sweeper.sweepAll() } catch {
                        log.error("packages without a row were not looked for: \(error)")
                    }
                }
            }
            if sweeper.isPending { blocking.post { sweeper.sweep() } }
            sweeps += 1
            try? await Task.sleep(for: .seconds(sweepSeconds))
        }
    }
}
