package engineapi

import (
	"fmt"
	"runtime"
)

// object is a JSON object of few members.
type object map[string]any

// versionFacts answers GET /version.
func (s *Server) versionFacts() object {
	api, least := fmt.Sprint("1.", newest), fmt.Sprint("1.", oldest)
	details := map[string]string{"ApiVersion": api, "MinAPIVersion": least, "Os": runtime.GOOS, "Arch": runtime.GOARCH, "GoVersion": runtime.Version()}
	return object{
		"Platform": object{"Name": "layup, image files read-only"}, "Version": s.version, "ApiVersion": api, "MinAPIVersion": least,
		"Os": runtime.GOOS, "Arch": runtime.GOARCH, "GoVersion": runtime.Version(), "GitCommit": "", "KernelVersion": "", "BuildTime": "",
		"Components": []object{{"Name": "layup", "Version": s.version, "Details": details}},
	}
}

// infoFacts answers GET /info: what clients print of an engine that has images and nothing else.
func (s *Server) infoFacts() object {
	facts := object{
		"ID": "layup", "Name": "layup", "ServerVersion": s.version, "OperatingSystem": "layup, image files read-only", "OSType": "linux",
		"Architecture": runtime.GOARCH, "NCPU": 0, "MemTotal": 0, "Driver": "files", "DriverStatus": [][2]string{},
		"Images": len(s.images), "Containers": 0, "ContainersRunning": 0, "ContainersPaused": 0, "ContainersStopped": 0,
		"Plugins": object{}, "Swarm": object{"LocalNodeState": "inactive", "ControlAvailable": false}, "RegistryConfig": object{},
		"Runtimes": object{}, "SecurityOptions": []string{}, "Warnings": []string{},
	}
	for _, ability := range []string{"MemoryLimit", "SwapLimit", "OomKillDisable", "CpuCfsPeriod", "CpuCfsQuota", "CPUShares", "CPUSet", "PidsLimit",
		"IPv4Forwarding", "BridgeNfIptables", "BridgeNfIp6tables"} {
		facts[ability] = true // else clients warn of what is missing for containers
	}
	return facts
}
