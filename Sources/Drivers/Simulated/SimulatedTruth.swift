import Imaging
import Instruments
import Optics
import Simulation

extension SimulatedWorld: Truth {
    /// The objects whose centre lies in an area.
    public func objects(in area: Rectangle) -> [TrueObject] {
        specimen.objects(in: area).map {
            TrueObject(
                x_um: $0.x_um, y_um: $0.y_um, radius_um: $0.radius_um, outline_um: $0.outline_um,
                isClosed: $0.isClosed)
        }
    }

    /// The objects drawn into a mask, 255 in objects.
    public func mask(
        width: Int, height: Int, x_um: Double, y_um: Double, pixel_um: Double, leastRadius_um: Double
    ) -> Plane<UInt8> {
        specimen.trueMask(
            width: width, height: height, x_um: x_um, y_um: y_um, pixel_um: pixel_um, leastRadius_um: leastRadius_um)
    }
}
